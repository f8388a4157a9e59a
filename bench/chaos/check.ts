import type { Effect } from './plan.js'
import { valueOf } from './steps.js'

export interface RecordedStep {
  readonly id: number
  readonly index: number
  readonly state: string
  readonly attempt: number
  /** Step ids, in the order of the plan. */
  readonly predecessors: readonly number[]
}

export interface RecordedEvent {
  readonly id: number
  readonly step: number
  readonly attempt: number
  readonly kind: string
}

export interface RecordedProduct {
  readonly step: number | null
  readonly attempt: number | null
  readonly name: string
  /** What its folder holds; null where the folder or file is missing. */
  readonly value: string | null
}

/** What should be gone when a round is over; each entry describes one thing that is not. */
export interface LeftBehind {
  readonly processes: readonly string[]
  readonly folders: readonly string[]
  readonly leases: readonly string[]
  readonly locks: readonly string[]
  /** Revisions in the archive that no product row names. */
  readonly revisions: readonly string[]
}

/** All that is known of a round when it is over. */
export interface History {
  readonly steps: readonly RecordedStep[]
  /** In the order of their ids. */
  readonly events: readonly RecordedEvent[]
  readonly products: readonly RecordedProduct[]
  /** Lines of the external log, in the order of the file. */
  readonly effects: readonly Effect[]
  readonly left: LeftBehind
}

const ENDS = ['succeeded', 'failed', 'released', 'cancelled']

/**
 * What is wrong with a round, one sentence each; none when every step took effect exactly once, after its predecessors, and nothing is
 * left behind. Judged by three independent witnesses: the event table, the external log of side effects, and the archive. Pure.
 */
export function checkHistory(history: History): string[] {
  return [
    ...history.steps.flatMap((step) => [
      ...checkEvents(step, history.events),
      ...checkProduct(step, history),
      ...checkEffects(step, history),
    ]),
    ...checkStrangers(history),
    ...checkOrder(history),
    ...history.left.processes.map((what) => `process left: ${what}`),
    ...history.left.folders.map((what) => `folder left: ${what}`),
    ...history.left.leases.map((what) => `lease left: ${what}`),
    ...history.left.locks.map((what) => `advisory lock left: ${what}`),
    ...history.left.revisions.map((what) => `revision that no product names: ${what}`),
  ]
}

/** Each attempt is claimed once and ends once, in turn; the last one, and only it, succeeds. */
function checkEvents(step: RecordedStep, all: readonly RecordedEvent[]): string[] {
  const faults: string[] = []
  const events = all.filter((event) => event.step === step.id)
  const name = `step ${step.id}`
  if (step.state !== 'succeeded') faults.push(`${name} is ${step.state}`)
  const succeeded = events.filter(({ kind }) => kind === 'succeeded')
  if (succeeded.length !== 1) faults.push(`${name} has succeeded ${succeeded.length} times`)
  if (succeeded.some(({ attempt }) => attempt !== step.attempt))
    faults.push(`${name} succeeded in attempt ${succeeded[0]?.attempt ?? 0}, its row says ${step.attempt}`)
  let open = 0
  let claimed = 0
  for (const { kind, attempt } of events) {
    if (kind === 'claimed') {
      if (open !== 0)
        faults.push(`${name}: attempt ${attempt} was claimed while attempt ${open} had not ended`)
      if (attempt !== claimed + 1)
        faults.push(`${name}: attempt ${attempt} was claimed after attempt ${claimed}`)
      open = attempt
      claimed = attempt
    } else if (ENDS.includes(kind)) {
      if (attempt !== open) faults.push(`${name}: attempt ${attempt} ${kind}, open was ${open || 'none'}`)
      open = 0
    }
  }
  if (open !== 0) faults.push(`${name}: attempt ${open} never ended`)
  if (claimed !== step.attempt)
    faults.push(`${name}: ${claimed} claims are recorded, its row says ${step.attempt}`)
  return faults
}

/** One product, of the attempt that succeeded, with the content that follows from the predecessors' contents. */
function checkProduct(step: RecordedStep, { products, steps }: History): string[] {
  const own = products.filter((product) => product.step === step.id)
  const [product] = own
  if (product === undefined) return [`step ${step.id} has published nothing`]
  const faults: string[] = []
  if (own.length > 1) faults.push(`step ${step.id} has published ${own.length} products`)
  if (product.attempt !== step.attempt)
    faults.push(`${product.name} is of attempt ${product.attempt ?? 0}, expected ${step.attempt}`)
  const expected = expectedValues(steps).get(step.id)
  if (product.value !== expected)
    faults.push(`${product.name} holds ${product.value ?? 'nothing'}, expected ${expected ?? 'nothing'}`)
  return faults
}

const cache = new WeakMap<readonly RecordedStep[], Map<number, string>>()
function expectedValues(steps: readonly RecordedStep[]): ReadonlyMap<number, string> {
  const known = cache.get(steps)
  if (known !== undefined) return known
  const values = new Map<number, string>()
  for (const { id, index, predecessors } of [...steps].sort((a, b) => a.index - b.index))
    values.set(
      id,
      valueOf(
        index,
        predecessors.map((before) => values.get(before) ?? ''),
      ),
    )
  cache.set(steps, values)
  return values
}

/** No attempt runs twice, and the one that counts ran from its begin to its end. */
function checkEffects(step: RecordedStep, { effects }: History): string[] {
  const faults: string[] = []
  const seen = new Map<string, number>()
  for (const { attempt, what } of effects.filter((effect) => effect.step === step.id))
    seen.set(`${what} ${attempt}`, (seen.get(`${what} ${attempt}`) ?? 0) + 1)
  for (const [what, times] of seen)
    if (times > 1) faults.push(`step ${step.id}: the log has '${what}' ${times} times`)
  for (const what of ['begin', 'done'])
    if (!seen.has(`${what} ${step.attempt}`))
      faults.push(`step ${step.id}: the log has no '${what}' of attempt ${step.attempt}, which counts`)
  return faults
}

function checkStrangers({ steps, products, effects }: History): string[] {
  const known = new Set(steps.map(({ id }) => id))
  return [
    ...products
      .filter(({ step }) => step === null || !known.has(step))
      .map(({ name }) => `${name} is of no step of the round`),
    ...effects
      .filter(({ step }) => !known.has(step))
      .map(({ step }) => `the log names step ${step}, which is not of the round`),
  ]
}

/** By the event table and by the log: no attempt begins before all predecessors have succeeded. */
function checkOrder({ steps, events, effects }: History): string[] {
  const succeededAt = new Map<number, number>()
  const firstClaim = new Map<number, number>()
  for (const { id, step, kind } of events) {
    if (kind === 'succeeded') succeededAt.set(step, id)
    if (kind === 'claimed' && !firstClaim.has(step)) firstClaim.set(step, id)
  }
  const counts = new Map(steps.map(({ id, attempt }) => [id, attempt]))
  const doneAt = new Map<number, number>()
  const begunAt = new Map<number, number>()
  effects.forEach(({ step, attempt, what }, at) => {
    if (what === 'done' && counts.get(step) === attempt) doneAt.set(step, at)
    if (what === 'begin' && !begunAt.has(step)) begunAt.set(step, at)
  })
  return steps.flatMap(({ id, predecessors }) =>
    predecessors.flatMap((before) => {
      const faults: string[] = []
      if ((firstClaim.get(id) ?? Infinity) <= (succeededAt.get(before) ?? Infinity))
        faults.push(`step ${id} was claimed before step ${before} had succeeded`)
      if ((begunAt.get(id) ?? Infinity) <= (doneAt.get(before) ?? Infinity))
        faults.push(`by the log, step ${id} began before step ${before} was done`)
      return faults
    }),
  )
}
