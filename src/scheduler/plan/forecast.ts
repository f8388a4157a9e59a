import { admit, type Candidate, type Capacity, type Caps, type RunningStep } from '../admission.js'

/** A step with what it is expected to need. */
export interface Expected<T extends Candidate> {
  readonly step: T
  /** CPU seconds still to do. */
  readonly cpuS: number
  /** Id of a step that has to end first: of the date before in a chain. One that is not among the others counts as ended. */
  readonly behind?: number
}

export interface ForecastRow {
  readonly id: number
  /** Seconds from now. */
  readonly startS: number
  readonly endS: number
  /** Threads at its start; it may get more later. */
  readonly threads: number
}

export interface Forecast {
  /** In the order of their starts. */
  readonly rows: readonly ForecastRow[]
  /** Seconds until the last step ends. */
  readonly endS: number
  /** Highest sum of admitted memory, MiB. */
  readonly peakMemoryMb: number
  /** Why steps that could never start do not; their ids are missing in `rows`. */
  readonly stuck: readonly { readonly id: number; readonly reason: string }[]
}

/** How far down the queue one look goes, as the scheduler's. */
const LOOKED_AT = 200

/**
 * Plays the scheduler's own admission through in virtual time: who starts when, with how many threads. A step with n threads does
 * n CPU seconds of its work a second, which is right for work that scales and no disk that holds it up. `waiting` in the order of the
 * queue. Pure.
 */
export function forecast(
  running: readonly Expected<RunningStep>[],
  waiting: readonly Expected<Candidate>[],
  capacity: Capacity,
  caps: Caps,
): Forecast {
  let active = running.map(({ step, cpuS }) => ({
    step,
    leftS: Math.max(0, cpuS),
    startS: 0,
    threads: step.threads,
  }))
  let queue = [...waiting]
  const work = new Map(waiting.map(({ step, cpuS }) => [step.id, Math.max(0, cpuS)]))
  const open = new Set([...running, ...waiting].map(({ step }) => step.id))
  const rows: ForecastRow[] = []
  let [now, peakMemoryMb] = [0, 0]
  for (;;) {
    const decided = admit(
      active.map(({ step, threads }) => ({ ...step, threads })),
      firstFree(queue, open).map(({ step }) => step),
      capacity,
      caps,
    )
    const started = new Map(decided.start.map(({ id, threads }) => [id, threads]))
    const budgets = new Map(decided.budgets.map(({ id, threads }) => [id, threads]))
    active = active.map((a) => ({ ...a, threads: budgets.get(a.step.id) ?? a.threads }))
    for (const { step } of queue) {
      const threads = started.get(step.id)
      if (threads !== undefined)
        active.push({ step: { ...step, threads }, leftS: work.get(step.id) ?? 0, startS: now, threads })
    }
    queue = queue.filter(({ step }) => !started.has(step.id))
    peakMemoryMb = Math.max(
      peakMemoryMb,
      active.reduce((sum, { step }) => sum + step.memoryMb, 0),
    )
    if (active.length === 0)
      return {
        rows: rows.sort((a, b) => a.startS - b.startS || a.id - b.id),
        endS: now,
        peakMemoryMb,
        stuck: decided.waiting,
      }
    const stepS = Math.min(...active.map(({ leftS, threads }) => leftS / Math.max(1, threads)))
    now += stepS
    const after = active.map((a) => ({ ...a, leftS: a.leftS - stepS * Math.max(1, a.threads) }))
    for (const { step, startS, leftS } of after)
      if (leftS <= 1e-9) {
        rows.push({ id: step.id, startS, endS: now, threads: step.threads })
        open.delete(step.id)
      }
    active = after.filter(({ leftS }) => leftS > 1e-9)
  }
}

/** The head of the queue, without those that wait for a step that is still open. */
function firstFree<T extends Candidate>(
  queue: readonly Expected<T>[],
  open: ReadonlySet<number>,
): Expected<T>[] {
  const free: Expected<T>[] = []
  for (const one of queue) {
    if (one.behind === undefined || !open.has(one.behind)) free.push(one)
    if (free.length === LOOKED_AT) break
  }
  return free
}
