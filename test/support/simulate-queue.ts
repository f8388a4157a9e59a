import { admit, type Candidate, type Capacity, type Caps } from '../../src/scheduler/admission.js'

export interface SimulatedStep extends Candidate {
  /** Work: seconds on one thread. */
  readonly lasts: number
}

/**
 * Runs a queue in virtual time on the scheduler's own admission: a round at the start and whenever a step ends. `speed` is how many
 * times faster a step works with so many threads.
 */
export function simulate(
  queue: readonly SimulatedStep[],
  capacity: Capacity,
  caps: Caps,
  speed: (threads: number) => number,
): { readonly started: ReadonlyMap<number, number>; readonly endS: number; readonly busyS: number } {
  const started = new Map<number, number>()
  let waiting = [...queue]
  let running: { step: SimulatedStep; threads: number; left: number }[] = []
  let now = 0
  let busyS = 0
  while (waiting.length > 0 || running.length > 0) {
    const decided = admit(
      running.map(({ step, threads }) => ({ ...step, threads })),
      waiting,
      capacity,
      caps,
    )
    for (const { id, threads } of decided.budgets)
      running = running.map((r) => (r.step.id === id ? { ...r, threads } : r))
    for (const { id, threads } of decided.start) {
      const step = waiting.find((s) => s.id === id)!
      started.set(id, now)
      running.push({ step, threads, left: step.lasts })
    }
    waiting = waiting.filter((s) => !started.has(s.id))
    if (running.length === 0) throw new Error('nothing runs and nothing starts')
    const untilEnd = Math.min(...running.map(({ left, threads }) => left / speed(threads)))
    now += untilEnd
    busyS += untilEnd * running.reduce((sum, { threads }) => sum + threads, 0)
    running = running
      .map((r) => ({ ...r, left: r.left - untilEnd * speed(r.threads) }))
      .filter(({ left }) => left > 1e-9)
  }
  return { started, endS: now, busyS }
}
