import { readFileSync, writeFileSync } from 'node:fs'
import type { StepResources } from './protocol.js'

/**
 * Starts measuring what this process uses; the returned function gives wall time, CPU time and peak memory since then.
 * A warm process runs many steps, and getrusage(2) knows only the peak of its whole life: where Linux allows it the peak is
 * reset first (5 to clear_refs, see proc(5)).
 */
export function measureResources(): () => StepResources {
  const started = process.hrtime.bigint()
  const cpu = process.cpuUsage()
  let isReset = false
  try {
    writeFileSync('/proc/self/clear_refs', '5')
    isReset = true
  } catch {
    // Not Linux, or not allowed: the peak of the whole process is an upper bound.
  }
  return () => {
    const used = process.cpuUsage(cpu)
    return {
      wall_s: Number((process.hrtime.bigint() - started) / 1_000_000n) / 1000,
      cpu_s: Math.round((used.user + used.system) / 1000) / 1000,
      max_rss_kb: (isReset ? peakRssKb(process.pid) : undefined) ?? process.resourceUsage().maxRSS,
    }
  }
}

/** Peak resident memory of a process since it began or was reset, KiB; undefined when it is gone or this is not Linux. */
export function peakRssKb(pid: number): number | undefined {
  try {
    const match = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
    return match === null ? undefined : Number(match[1])
  } catch {
    return undefined
  }
}
