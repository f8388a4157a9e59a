import { readFileSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'

/** What this process may use of the machine. */
export interface MachineLimits {
  /** Whole CPUs, >= 1. */
  readonly cpus: number
  /** MiB, >= 1. */
  readonly memoryMb: number
}

/**
 * CPUs and memory that the control group of this process allows, never more than the machine has.
 * Understands cgroup v2 (cpu.max, memory.max) and v1 (cpu.cfs_quota_us, memory.limit_in_bytes); a limit on any ancestor counts.
 * `root` and `membership` are parameters for tests. Source: Linux kernel, Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/.
 */
export function machineLimits(
  root = '/sys/fs/cgroup',
  membership = readText('/proc/self/cgroup') ?? '',
  machine: MachineLimits = { cpus: availableParallelism(), memoryMb: Math.floor(totalmem() / 2 ** 20) },
): MachineLimits {
  let cpus = machine.cpus
  let memoryBytes = machine.memoryMb * 2 ** 20
  for (const line of membership.split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? []
    if (controllers === undefined || path === undefined) continue
    for (const folder of ancestors(path)) {
      if (controllers === '') {
        cpus = Math.min(cpus, quota(readText(join(root, folder, 'cpu.max'))))
        memoryBytes = Math.min(memoryBytes, limit(readText(join(root, folder, 'memory.max'))))
      }
      const names = controllers.split(',')
      if (names.includes('cpu')) {
        const q = readText(join(root, 'cpu', folder, 'cpu.cfs_quota_us'))
        const period = readText(join(root, 'cpu', folder, 'cpu.cfs_period_us'))
        cpus = Math.min(cpus, quota(q === null || period === null ? null : `${q.trim()} ${period.trim()}`))
      }
      if (names.includes('memory'))
        memoryBytes = Math.min(
          memoryBytes,
          limit(readText(join(root, 'memory', folder, 'memory.limit_in_bytes'))),
        )
    }
  }
  return { cpus: Math.max(1, Math.floor(cpus)), memoryMb: Math.max(1, Math.floor(memoryBytes / 2 ** 20)) }
}

/** `/a/b` -> ['/a/b', '/a', '/']. Inside a container the path may not exist; then only the mounted root says something. */
function ancestors(path: string): string[] {
  const parts = path.split('/').filter((p) => p !== '' && p !== '..')
  return Array.from({ length: parts.length + 1 }, (_, i) => `/${parts.slice(0, parts.length - i).join('/')}`)
}

function quota(text: string | null): number {
  const [allowed, period] = (text ?? '').trim().split(/\s+/).map(Number)
  if (allowed === undefined || period === undefined || !(allowed > 0) || !(period > 0)) return Infinity
  // Half a CPU still needs one slot.
  return Math.max(1, allowed / period)
}

function limit(text: string | null): number {
  const bytes = Number((text ?? '').trim() || Number.NaN)
  return bytes > 0 ? bytes : Infinity
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}
