import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** How busy a machine is; null where it does not tell. */
export interface MachineLoad {
  /** Runnable and uninterruptible tasks, mean of one minute, 1. */
  readonly load1min: number | null
  /** Share of all CPUs in use since the reading before, 0..1; null at the first one. */
  readonly cpuUse: number | null
  /** Memory that could be had without swapping, MiB, within the control group. */
  readonly memoryFreeMb: number | null
  /** Percent of the last 10 s in which some task waited for CPU, I/O or memory; null on kernels without pressure stall information. */
  readonly pressureCpu: number | null
  readonly pressureIo: number | null
  readonly pressureMemory: number | null
}

/**
 * A reader of the machine's load. CPU use is the growth between two readings, so each caller needs its own reader.
 * `root` replaces / in tests. Source: Linux kernel, Documentation/filesystems/proc.rst (stat, meminfo, loadavg),
 * Documentation/accounting/psi.rst, Documentation/admin-guide/cgroup-v2.rst (memory.max, memory.current, memory.stat) and
 * cgroup-v1/memory.rst (memory.limit_in_bytes, memory.usage_in_bytes, memory.stat).
 */
export function machineLoadReader(root = '/'): () => MachineLoad {
  let before: CpuTime | null = null
  return () => {
    const now = cpuTime(read(root, 'proc/stat'))
    const cpuUse =
      before === null || now === null || now.total <= before.total
        ? null
        : Math.min(1, Math.max(0, (now.busy - before.busy) / (now.total - before.total)))
    before = now
    return {
      load1min: firstNumber(read(root, 'proc/loadavg')),
      cpuUse,
      memoryFreeMb: memoryFreeMb(root),
      pressureCpu: pressure(read(root, 'proc/pressure/cpu')),
      pressureIo: pressure(read(root, 'proc/pressure/io')),
      pressureMemory: pressure(read(root, 'proc/pressure/memory')),
    }
  }
}

interface CpuTime {
  readonly busy: number
  readonly total: number
}

/** First line of /proc/stat: user nice system idle iowait irq softirq steal, clock ticks; guest time is part of user time. */
function cpuTime(text: string): CpuTime | null {
  const fields = /^cpu +([\d ]+)$/m.exec(text)?.[1]?.split(' ').map(Number).slice(0, 8)
  if (fields === undefined || fields.length < 5) return null
  const total = fields.reduce((sum, ticks) => sum + ticks, 0)
  return { busy: total - (fields[3] ?? 0) - (fields[4] ?? 0), total }
}

/**
 * What the machine has available, or what its control group leaves where that is less, MiB; page cache that can be dropped counts as free. Null where the
 * kernel does not tell. `root` replaces / in tests.
 */
export function memoryFreeMb(root = '/'): number | null {
  const available = /^MemAvailable:\s+(\d+) kB$/m.exec(read(root, 'proc/meminfo'))?.[1]
  if (available === undefined) return null
  const groups = read(root, 'proc/self/cgroup')
  const unified = join('sys/fs/cgroup', /^0::(.*)$/m.exec(groups)?.[1] ?? '/')
  const ofMemory = join(
    'sys/fs/cgroup/memory',
    /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m.exec(groups)?.[1] ?? '/',
  )
  const left = Math.min(
    leftIn(root, unified, { limit: 'memory.max', used: 'memory.current', droppable: 'inactive_file' }),
    leftIn(root, ofMemory, {
      limit: 'memory.limit_in_bytes',
      used: 'memory.usage_in_bytes',
      droppable: 'total_inactive_file',
    }),
  )
  return Math.floor(Math.min(Number(available) * 1024, left) / 2 ** 20)
}

/** Bytes that a control group leaves, by the names that its version has for them; Infinity where it limits nothing. */
function leftIn(
  root: string,
  folder: string,
  names: { readonly limit: string; readonly used: string; readonly droppable: string },
): number {
  const limit = firstNumber(read(root, join(folder, names.limit)))
  const used = firstNumber(read(root, join(folder, names.used)))
  const stat = read(root, join(folder, 'memory.stat'))
  const droppable = Number(new RegExp(`^${names.droppable} (\\d+)$`, 'm').exec(stat)?.[1] ?? 0)
  return limit === null || used === null ? Infinity : Math.max(0, limit - used + droppable)
}

const pressure = (text: string): number | null => {
  const share = /^some avg10=([\d.]+)/m.exec(text)?.[1]
  return share === undefined ? null : Number(share)
}

function firstNumber(text: string): number | null {
  const number = /^[\d.]+/.exec(text)?.[0]
  return number === undefined ? null : Number(number)
}

function read(root: string, path: string): string {
  try {
    return readFileSync(join(root, path), 'utf8')
  } catch {
    return ''
  }
}
