import { readFileSync } from 'node:fs'

/** How often processes are looked at, ms: the kernel keeps the peak, so that only what a process does in its last moment is missed. */
const LOOK_MS = 500

/** The highest peak of resident memory among processes that are followed, each by itself (VmHWM of proc_pid_status(5)). */
export class PeakMemory {
  private readonly timers = new Map<number, NodeJS.Timeout>()
  private peakKb = 0

  follow(pid: number | undefined): void {
    if (pid === undefined || this.timers.has(pid)) return
    const look = () => {
      const kb = peakKbOf(pid)
      if (kb === null) {
        clearInterval(this.timers.get(pid))
        this.timers.delete(pid)
      } else this.peakKb = Math.max(this.peakKb, kb)
    }
    this.timers.set(pid, setInterval(look, LOOK_MS).unref())
    look()
  }

  /** MiB. */
  get peakMb(): number {
    return Math.round(this.peakKb / 1024)
  }
}

function peakKbOf(pid: number): number | null {
  try {
    const kb = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kb === undefined ? null : Number(kb)
  } catch {
    return null
  }
}
