import { diskUseMb, readTree, type TreeUse } from '../runner/measure-resources.js'
import type { LimitCode, StepLimits } from '../scheduler/executor.js'

/** How often an attempt is looked at, ms. */
const LOOK_MS = 1000

export interface Breach {
  readonly code: LimitCode
  /** What was exceeded, by how much, and which setting says so. */
  readonly message: string
}

export interface AttemptWatchOptions {
  /** Root of the attempt's processes. */
  readonly pid: number
  /** Its staging and scratch folders. */
  readonly folders: readonly string[]
  readonly limits: StepLimits
  /** Called once, for the first limit that is exceeded. */
  onBreach(breach: Breach): void
}

/** Watches one running attempt from outside: what can still be known if it dies without a word, and whether it keeps its limits. */
export class AttemptWatch {
  private readonly startedAt = performance.now()
  private readonly before: TreeUse | undefined
  private last: TreeUse | undefined
  private peakKb = 0
  private diskMb = 0
  private loggedBytes = 0
  private isLooking = false
  private limits: StepLimits
  private readonly timer: NodeJS.Timeout
  breach: Breach | undefined

  constructor(private readonly options: AttemptWatchOptions) {
    this.limits = options.limits
    this.before = readTree(options.pid)
    this.timer = setInterval(() => {
      void this.look()
    }, LOOK_MS)
    this.timer.unref()
  }

  setLimits(limits: StepLimits): void {
    this.limits = limits
  }

  /** Counts text that the attempt wrote to its log. True while it is within what is kept. */
  logged(bytes: number): boolean {
    this.loggedBytes += bytes
    const mb = this.loggedBytes / 2 ** 20
    if (mb > this.limits.logFloodMb)
      this.report('LOG_LIMIT', `wrote more than ${this.limits.logFloodMb} MiB of log (limits.log_flood_mb)`)
    return mb <= this.limits.logMb
  }

  stop(): void {
    clearInterval(this.timer)
  }

  /** As the step process would have reported it, as far as it can be seen from here. */
  resources(): Record<string, number | null> {
    const grown = (of: (use: TreeUse) => number) =>
      this.last === undefined || this.before === undefined ? 0 : of(this.last) - of(this.before)
    const user = grown((use) => use.cpuUserS)
    const system = grown((use) => use.cpuSystemS)
    return {
      wall_s: this.wallS(),
      cpu_s: Math.round((user + system) * 1000) / 1000,
      cpu_user_s: user,
      cpu_system_s: system,
      max_rss_kb: this.peakKb,
      read_bytes: grown((use) => use.readBytes),
      written_bytes: grown((use) => use.writtenBytes),
      io_wait_s: this.last?.ioWaitS == null ? null : grown((use) => use.ioWaitS ?? 0),
      disk_mb: Math.ceil(this.diskMb),
    }
  }

  private wallS(): number {
    return Math.round(performance.now() - this.startedAt) / 1000
  }

  private async look(): Promise<void> {
    const { timeS, memoryMb, diskMb } = this.limits
    const use = readTree(this.options.pid)
    if (use !== undefined) {
      this.last = use
      this.peakKb = Math.max(this.peakKb, use.rssKb)
    }
    const rssMb = Math.round((use?.rssKb ?? 0) / 1024)
    if (rssMb > memoryMb)
      this.report(
        'MEMORY_LIMIT',
        `its processes hold ${rssMb} MiB, ${Math.round(memoryMb)} are allowed (limits.memory_factor x what it was admitted with)`,
      )
    const wallS = this.wallS()
    if (wallS > timeS)
      this.report('TIME_LIMIT', `runs for ${Math.round(wallS)} s, ${timeS} are allowed (limits.time_s)`)
    // A folder of many files on a slow disk may take longer than the time between two looks.
    if (this.isLooking || !Number.isFinite(diskMb)) return
    this.isLooking = true
    const usedMb = await diskUseMb(this.options.folders)
    this.isLooking = false
    this.diskMb = Math.max(this.diskMb, usedMb)
    if (usedMb > diskMb)
      this.report(
        'DISK_LIMIT',
        `its files below staging and scratch take ${Math.round(usedMb)} MiB, ${Math.round(diskMb)} are allowed (limits.disk_factor x what it declared)`,
      )
  }

  private report(code: LimitCode, message: string): void {
    if (this.breach !== undefined) return
    this.breach = { code, message }
    this.options.onBreach(this.breach)
  }
}
