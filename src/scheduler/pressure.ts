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

/** How many steps may run here until it is known that they do not stand in each other's way, and why, in words. */
export interface SpreadStarts {
  readonly steps: number
  readonly reason: string
}

/** Steps that a host on which nothing runs starts at once, and the part of its slots where that is more; others follow as long as nothing stalls. */
const AT_FIRST = 4
const AT_FIRST_PART = 1 / 8
/** In each calm interval one more than this times what ran: 16 steps in half a minute, 64 in a minute. */
const GROWTH = 1.25
/** Intervals after a decrease in which the next one waits for steps to end or to give threads back. */
const PATIENCE = 4
/** Intervals without pressure before as many slots are tried again as have been too many. */
const PROBE = 12

/** So many steps a host of so many slots starts at once where nothing runs. */
const startsAtFirst = (slots: number): number => Math.max(AT_FIRST, Math.ceil(slots * AT_FIRST_PART))

/** Where nothing can be measured, or nobody wants it to be, there is nothing to wait for. */
const isBlind = ({ memoryUs, ioUs }: Stalls, limits: PressureLimits): boolean =>
  (memoryUs === null || limits.memoryPercent === 0) && (ioUs === null || limits.ioPercent === 0)

/**
 * How many steps run on a host before further starts are spread over time, as far as another process can tell: the gate of its scheduler, which knows how
 * calm it was, may allow more. Infinity where starts are not spread.
 */
export function spreadFrom(slots: number, stalls: Stalls, limits: PressureLimits): number {
  const atFirst = startsAtFirst(slots)
  return atFirst >= slots || isBlind(stalls, limits) ? Infinity : atFirst
}

/**
 * How many slots a host hands out while its steps stand in each other's way. Additive increase, multiplicative decrease (D. Chiu and R. Jain, Computer
 * Networks and ISDN Systems 17 (1989) 1-14): as large a part of the slots is taken away as the share of time lost, half of them at most, so that little
 * pressure costs little; in each interval with less than half of the threshold one is given back, only after a while where that many were too many before.
 * Never fewer than one: work goes on. Running steps are not stopped; they get fewer threads. Because of that a host on which little runs does not start as many as it has slots:
 * all of them would be there before the first stall is seen (slow start, after V. Jacobson, SIGCOMM 1988, with a smaller factor).
 * One for each scheduler; what it knows is of this machine and lost with the process, without harm.
 */
export class PressureGate {
  private held: HeldSlots | null = null
  private before: { readonly atMs: number; readonly stalls: Stalls } | undefined
  private patience = 0
  private calm = 0
  /** Slots under which there was pressure last. */
  private tooMany = Infinity
  /** Most steps that ran in this interval. */
  private most = 0
  private ramp = Infinity

  /** So many steps run here once those have started that were admitted: a round that follows an end sees one fewer. */
  noteRunning(steps: number): void {
    this.most = Math.max(this.most, steps)
  }

  /** How starts are spread at the time of the last look; null: they are not. */
  get spread(): SpreadStarts | null {
    if (this.ramp === Infinity) return null
    const reason = `${this.ramp} steps run or start at once until it is known that nothing stalls; more follow after each pressure.interval_s`
    return { steps: this.ramp, reason }
  }

  /** A look at this machine, for the steps that run here. */
  lookNow(here: readonly { readonly threads: number }[], settings: SettingsInForce): HeldSlots | null {
    const used = here.reduce((sum, { threads }) => sum + threads, 0)
    const { slots } = settings.capacity()
    return this.look(performance.now(), () => readStalls(), {
      ...{ used, steps: here.length, slots },
      limits: settings.pressureLimits(),
    })
  }

  /**
   * A look, as often as one likes: reads the counters and decides once in an interval. `used`: threads of the `steps` that run here. `slots`: what the host has. Returns what is
   * held to, or null.
   */
  look(
    atMs: number,
    readCounters: () => Stalls,
    {
      used,
      steps = used,
      slots,
      limits,
    }: {
      readonly used: number
      readonly steps?: number
      readonly slots: number
      readonly limits: PressureLimits
    },
  ): HeldSlots | null {
    const { before } = this
    const atFirst = startsAtFirst(slots)
    this.most = Math.max(this.most, steps)
    if (before === undefined) {
      this.before = { atMs, stalls: readCounters() }
      this.ramp = atFirst
    } else if (atMs - before.atMs >= limits.intervalS * 1000) {
      const stalls = readCounters()
      this.before = { atMs, stalls }
      const elapsedUs = (atMs - before.atMs) * 1000
      const memory = share(before.stalls.memoryUs, stalls.memoryUs, elapsedUs)
      const io = share(before.stalls.ioUs, stalls.ioUs, elapsedUs)
      const excess = this.decide({ memory, io }, used, slots, limits)
      this.ramp = Math.max(atFirst, excess < 0.5 ? Math.floor(this.most * GROWTH) + 1 : this.most)
      this.most = steps
    }
    const last = this.before?.stalls ?? { memoryUs: null, ioUs: null }
    if (isBlind(last, limits) || this.ramp >= slots) this.ramp = Infinity
    if (this.held !== null && this.held.slots >= slots) {
      this.held = null
      this.tooMany = Infinity
    }
    return this.held
  }

  /** Returns how often the nearer threshold fits into the time that was lost. */
  private decide(
    { memory, io }: { readonly memory: number; readonly io: number },
    used: number,
    slots: number,
    limits: PressureLimits,
  ): number {
    const excess = Math.max(over(memory, limits.memoryPercent), over(io, limits.ioPercent))
    const now = this.held?.slots ?? slots
    if (excess > 1 && used > 1) {
      this.calm = 0
      this.patience -= 1
      // What was decided last has to be seen first: steps that run go on.
      if (this.patience > 0 && used > now) return excess
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
      if (this.calm < (now + 1 >= this.tooMany ? PROBE : 1)) return excess
      this.calm = 0
      if (now + 1 >= this.tooMany) this.tooMany = now + 2
      this.held = { ...this.held, slots: now + 1 }
    }
    return excess
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
