import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * How often the kernel has killed for lack of memory: in this control group (v2 memory.events, v1 memory.oom_control) plus
 * on the whole machine (/proc/vmstat). Only its growth means something: if it grew while a process died by SIGKILL, memory
 * was the cause. 0 where the kernel says nothing.
 * Source: Linux kernel, Documentation/admin-guide/cgroup-v2.rst (memory.events) and cgroup-v1/memory.rst (section 10).
 */
export function countOutOfMemoryKills(): number {
  const own = read('/proc/self/cgroup')
  const v2 = /^0::(.*)$/m.exec(own)?.[1] ?? '/'
  const v1 = /^\d+:[^:]*\bmemory\b[^:]*:(.*)$/m.exec(own)?.[1] ?? '/'
  return [
    join('/sys/fs/cgroup', v2, 'memory.events'),
    join('/sys/fs/cgroup/memory', v1, 'memory.oom_control'),
    '/sys/fs/cgroup/memory/memory.oom_control',
    '/proc/vmstat',
  ].reduce((sum, path) => sum + Number(/^oom_kill (\d+)$/m.exec(read(path))?.[1] ?? 0), 0)
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

export interface ProcessDeath {
  readonly exitCode: number | undefined
  readonly signal: string | undefined
  readonly lastLines: readonly string[]
  /** The kernel's count of kills for memory grew during the attempt. */
  readonly oomKillsGrew: boolean
}

/**
 * Why a step process ended without a word. Out of memory: SIGKILL while the kernel killed for memory, or V8, the C++ library
 * or the system said so last (V8 aborts with SIGABRT, which shells and some wrappers turn into status 134).
 */
export function classifyDeath(death: ProcessDeath): 'OUT_OF_MEMORY' | 'STEP_KILLED' {
  if (death.signal === 'SIGKILL' && death.oomKillsGrew) return 'OUT_OF_MEMORY'
  const hasAborted =
    death.signal === 'SIGABRT' || death.signal === 'SIGTRAP' || death.exitCode === 134 || death.exitCode === 1
  const says =
    /heap out of memory|std::bad_alloc|Cannot allocate memory|Array buffer allocation failed|out of memory/i
  return hasAborted && death.lastLines.some((line) => says.test(line)) ? 'OUT_OF_MEMORY' : 'STEP_KILLED'
}
