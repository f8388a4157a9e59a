import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { StepResources } from './protocol.js'

/** What a process, its living descendants and those that they have waited for have used since they began. Linux only. */
export interface TreeUse {
  /** Resident memory now, KiB; pages that processes share count once a process. */
  readonly rssKb: number
  /** Highest resident memory of the root process alone since it began or was reset, KiB. */
  readonly rootPeakKb: number
  readonly cpuUserS: number
  readonly cpuSystemS: number
  /** Bytes that storage had to deliver or take: what the page cache answers is not among them. */
  readonly readBytes: number
  readonly writtenBytes: number
  /** Time in which living threads waited for block devices; null where the kernel does not account delays (kernel.task_delayacct = 0). */
  readonly ioWaitS: number | null
}

/** Clock ticks a second in /proc on Linux, whatever the kernel's own rate (USER_HZ). */
const TICKS = 100

/**
 * Reads a tree of processes from /proc; undefined when its root is gone or this is not Linux. A descendant that ends meanwhile is left out.
 * Source: proc(5), Linux kernel Documentation/accounting/delay-accounting.rst.
 */
export function readTree(rootPid: number): TreeUse | undefined {
  const root = readProcess(rootPid)
  if (root === undefined) return undefined
  const all = [root, ...descendantsOf(rootPid).flatMap((pid) => readProcess(pid) ?? [])]
  const sum = (of: (use: TreeUse) => number) => all.reduce((total, use) => total + of(use), 0)
  const accountsDelays = readText('/proc/sys/kernel/task_delayacct')?.trim() === '1'
  return {
    rssKb: sum((use) => use.rssKb),
    rootPeakKb: root.rootPeakKb,
    cpuUserS: sum((use) => use.cpuUserS),
    cpuSystemS: sum((use) => use.cpuSystemS),
    readBytes: sum((use) => use.readBytes),
    writtenBytes: sum((use) => use.writtenBytes),
    ioWaitS: accountsDelays ? sum((use) => use.ioWaitS ?? 0) : null,
  }
}

/** One process with the children that it has waited for. */
function readProcess(pid: number): TreeUse | undefined {
  const stat = statFields(`/proc/${pid}/stat`)
  const status = readText(`/proc/${pid}/status`)
  if (stat === undefined || status === undefined) return undefined
  const kb = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0)
  // Another user's process, or an old kernel: nothing is known of its I/O.
  const io = readText(`/proc/${pid}/io`) ?? ''
  const bytes = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(io)?.[1] ?? 0)
  return {
    rssKb: kb('VmRSS'),
    rootPeakKb: kb('VmHWM'),
    cpuUserS: ((stat[11] ?? 0) + (stat[13] ?? 0)) / TICKS,
    cpuSystemS: ((stat[12] ?? 0) + (stat[14] ?? 0)) / TICKS,
    readBytes: bytes('read_bytes'),
    writtenBytes: bytes('write_bytes'),
    ioWaitS: tasksOf(pid).reduce(
      (sum, task) => sum + (statFields(`/proc/${pid}/task/${task}/stat`)?.[39] ?? 0) / TICKS,
      0,
    ),
  }
}

function descendantsOf(pid: number): number[] {
  const children = tasksOf(pid).flatMap((task) =>
    (readText(`/proc/${pid}/task/${task}/children`) ?? '')
      .split(' ')
      .filter((text) => text !== '')
      .map(Number),
  )
  return children.flatMap((child) => [child, ...descendantsOf(child)])
}

function tasksOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
}

/** Fields of a stat file from the third on (the state): the name before may hold blanks and brackets. */
function statFields(path: string): number[] | undefined {
  const text = readText(path)
  return text
    ?.slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** Space that the files below some folders take on disk, MiB. What vanishes meanwhile counts nothing. */
export async function diskUseMb(folders: readonly string[]): Promise<number> {
  const blocks = async (folder: string): Promise<number> => {
    let sum = 0
    for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
      const path = join(folder, entry.name)
      sum += entry.isDirectory() ? await blocks(path) : ((await lstat(path).catch(() => null))?.blocks ?? 0)
    }
    return sum
  }
  let sum = 0
  for (const folder of folders) sum += await blocks(folder)
  return (sum * 512) / 2 ** 20
}

/** How often peaks are looked for, ms. Memory of the process itself needs no sampling: the kernel keeps its peak. */
const SAMPLE_MS = 1000

export interface Meter {
  /** What was used since the meter was started. */
  read(): StepResources
  /** Watches the folders of the attempt from now on. */
  watch(folders: readonly string[]): void
  /** Looks at memory and folders now: what is over between two samples would not be seen. */
  look(): Promise<void>
  /** Ends the sampling; `read` still gives what was measured. */
  stop(): void
}

/**
 * Starts measuring what this process and its children use. A warm process runs many steps, and getrusage(2) knows only the peak of
 * its whole life: where Linux allows it the peak is reset first (5 to clear_refs, see proc(5)). Elsewhere than on Linux wall and CPU
 * time are those of this process, the peak is that of its life, and bytes are zero.
 *
 * Looking at the process takes milliseconds, so it is done when what the caller has asked others for is on its way.
 */
export function startMeter(): Meter {
  const started = process.hrtime.bigint()
  const cpu = process.cpuUsage()
  let isReset = false
  let before: TreeUse | undefined
  const begin = () => {
    clearImmediate(beginning)
    try {
      writeFileSync('/proc/self/clear_refs', '5')
      isReset = true
    } catch {
      // Not Linux, or not allowed: the peak of the whole process is an upper bound.
    }
    before = readTree(process.pid)
  }
  const beginning = setImmediate(begin)
  let folders: readonly string[] = []
  let peakTreeKb = 0
  let peakDiskMb = 0
  let isLooking = false
  const look = async () => {
    peakTreeKb = Math.max(peakTreeKb, readTree(process.pid)?.rssKb ?? 0)
    if (folders.length > 0) peakDiskMb = Math.max(peakDiskMb, await diskUseMb(folders))
  }
  const timer = setInterval(() => {
    // A folder of many files on a slow disk may take longer than the time between two samples.
    if (isLooking) return
    isLooking = true
    void look().then(() => {
      isLooking = false
    })
  }, SAMPLE_MS)
  timer.unref()
  return {
    read: () => {
      if (before === undefined) begin()
      const start = before
      const own = process.cpuUsage(cpu)
      const now = readTree(process.pid)
      const grown = (of: (use: TreeUse) => number, otherwise: number) =>
        now === undefined || start === undefined ? otherwise : Math.max(0, of(now) - of(start))
      const user = grown((use) => use.cpuUserS, own.user / 1e6)
      const system = grown((use) => use.cpuSystemS, own.system / 1e6)
      peakTreeKb = Math.max(peakTreeKb, now?.rssKb ?? 0)
      const rootPeakKb = isReset ? (now?.rootPeakKb ?? 0) : process.resourceUsage().maxRSS
      return {
        wall_s: Number((process.hrtime.bigint() - started) / 1_000_000n) / 1000,
        cpu_s: milli(user + system),
        cpu_user_s: milli(user),
        cpu_system_s: milli(system),
        max_rss_kb: Math.max(peakTreeKb, rootPeakKb),
        read_bytes: grown((use) => use.readBytes, 0),
        written_bytes: grown((use) => use.writtenBytes, 0),
        io_wait_s: now?.ioWaitS == null ? null : milli(grown((use) => use.ioWaitS ?? 0, 0)),
        disk_mb: Math.ceil(peakDiskMb),
      }
    },
    watch: (paths) => {
      folders = paths
    },
    look,
    stop: () => {
      clearImmediate(beginning)
      clearInterval(timer)
    },
  }
}

const milli = (seconds: number): number => Math.round(seconds * 1000) / 1000
