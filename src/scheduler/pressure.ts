import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SettingsInForce } from './settings-in-force.js'

/** Time for which tasks have been stalled since the machine started, µs; null where the kernel does not tell. */
export interface Stalls {
  /** Some task waited for memory. */
  readonly memoryUs: number | null
  /** All tasks that could have run waited for I/O. */
  readonly ioUs: number | null
}

/**
 * Reads the counters of the machine and of this process's control group, whichever has stalled for longer: a limit on the group makes its tasks wait
 * while the machine has memory left. `root` replaces / in tests. Source: Linux kernel, Documentation/accounting/psi.rst ("total" is in µs).
 */
export function readStalls(root = '/'): Stalls {
  const group = /^0::(.*)$/m.exec(read(root, 'proc/self/cgroup'))?.[1] ?? '/'
  const longest = (resource: 'memory' | 'io', kind: 'some' | 'full'): number | null => {
    const texts = [
      read(root, `proc/pressure/${resource}`),
      read(root, join('sys/fs/cgroup', group, `${resource}.pressure`)),
      // Beside the controllers of version 1.
      read(root, join('sys/fs/cgroup/unified', group, `${resource}.pressure`)),
    ]
    const totals = texts.flatMap((text) => {
      const total = new RegExp(`^${kind} .*total=(\\d+)`, 'm').exec(text)?.[1]
      return total === undefined ? [] : [Number(total)]
    })
    return totals.length === 0 ? null : Math.max(...totals)
  }
  return { memoryUs: longest('memory', 'some'), ioUs: longest('io', 'full') }
}

/** Thresholds in percent of time, 0 = not looked at. */
export interface PressureLimits {
  readonly memoryPercent: number
  readonly ioPercent: number
  readonly intervalS: number
}

/** Fewer slots than the host has, and why, in words. */
export interface HeldSlots {
  readonly slots: number
  readonly reason: string
}

/** Intervals after a decrease in which the next one waits for steps to end or to give threads back. */
const PATIENCE = 4
/** Intervals without pressure before as many slots are tried again as have been too many. */
const PROBE = 12

/**
 * How many slots a host hands out while its steps stand in each other's way. Additive increase, multiplicative decrease (D. Chiu and R. Jain, Computer
 * Networks and ISDN Systems 17 (1989) 1-14): as large a part of the slots is taken away as the share of time lost, half of them at most, so that little
 * pressure costs little; in each interval with less than half of the threshold one is given back, only after a while where that many were too many before.
 * Never fewer than one: work goes on. Running steps are not stopped; they get fewer threads.
 * One for each scheduler; what it knows is of this machine and lost with the process, without harm.
 */
export class PressureGate {
  private held: HeldSlots | null = null
  private before: { readonly atMs: number; readonly stalls: Stalls } | undefined
  private patience = 0
  private calm = 0
  /** Slots under which there was pressure last. */
  private tooMany = Infinity

  /** A look at this machine, for the steps that run here. */
  lookNow(here: readonly { readonly threads: number }[], settings: SettingsInForce): HeldSlots | null {
    const used = here.reduce((sum, { threads }) => sum + threads, 0)
    const { slots } = settings.capacity()
    return this.look(performance.now(), () => readStalls(), {
      used,
      slots,
      limits: settings.pressureLimits(),
    })
  }

  /**
   * A look, as often as one likes: reads the counters and decides once in an interval. `used`: threads of the steps that run here. `slots`: what the host has. Returns what is
   * held to, or null.
   */
  look(
    atMs: number,
    readCounters: () => Stalls,
    {
      used,
      slots,
      limits,
    }: { readonly used: number; readonly slots: number; readonly limits: PressureLimits },
  ): HeldSlots | null {
    const { before } = this
    if (before === undefined) this.before = { atMs, stalls: readCounters() }
    else if (atMs - before.atMs >= limits.intervalS * 1000) {
      const stalls = readCounters()
      this.before = { atMs, stalls }
      const elapsedUs = (atMs - before.atMs) * 1000
      const memory = share(before.stalls.memoryUs, stalls.memoryUs, elapsedUs)
      const io = share(before.stalls.ioUs, stalls.ioUs, elapsedUs)
      this.decide({ memory, io }, used, slots, limits)
    }
    if (this.held !== null && this.held.slots >= slots) {
      this.held = null
      this.tooMany = Infinity
    }
    return this.held
  }

  private decide(
    { memory, io }: { readonly memory: number; readonly io: number },
    used: number,
    slots: number,
    limits: PressureLimits,
  ): void {
    const excess = Math.max(over(memory, limits.memoryPercent), over(io, limits.ioPercent))
    const now = this.held?.slots ?? slots
    if (excess > 1 && used > 1) {
      this.calm = 0
      this.patience -= 1
      // What was decided last has to be seen first: steps that run go on.
      if (this.patience > 0 && used > now) return
      this.patience = PATIENCE
      this.tooMany = Math.min(now, used)
      const isMemory = over(memory, limits.memoryPercent) >= over(io, limits.ioPercent)
      const lost = Math.min(0.5, (isMemory ? memory : io) / 100)
      this.held = {
        slots: Math.max(1, Math.min(this.tooMany - 1, Math.floor(this.tooMany * (1 - lost)))),
        reason: isMemory
          ? `steps waited for memory ${memory.toFixed(0)} % of the time, pressure.memory_percent is ${limits.memoryPercent}`
          : `steps waited for disks ${io.toFixed(0)} % of the time, pressure.io_percent is ${limits.ioPercent}`,
      }
    } else if (excess < 0.5 && this.held !== null) {
      this.calm += 1
      if (this.calm < (now + 1 >= this.tooMany ? PROBE : 1)) return
      this.calm = 0
      if (now + 1 >= this.tooMany) this.tooMany = now + 2
      this.held = { ...this.held, slots: now + 1 }
    }
  }
}

/** Percent of the time; 0 where the kernel does not tell. */
const share = (before: number | null, now: number | null, elapsedUs: number): number =>
  before === null || now === null ? 0 : Math.min(100, Math.max(0, ((now - before) / elapsedUs) * 100))

/** How often the threshold fits into what was measured; 0 where there is none. */
const over = (percent: number, threshold: number): number => (threshold === 0 ? 0 : percent / threshold)

function read(root: string, path: string): string {
  try {
    return readFileSync(join(root, path), 'utf8')
  } catch {
    return ''
  }
}
