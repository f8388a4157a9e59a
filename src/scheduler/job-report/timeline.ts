import type { ReportEvent, ReportStep } from '../../db/report/list-job-events.js'
import { isTerminal } from '../../domain/states.js'

/**
 * blocked: waits for predecessors; queued: may start, waits for a place; backoff: waits for the time of its next attempt;
 * running: an attempt; its `outcome` says how it ended.
 */
export type IntervalKind = 'blocked' | 'queued' | 'backoff' | 'running'
export type AttemptEnd = 'succeeded' | 'failed' | 'given back' | 'cancelled' | 'runs'

export interface Interval {
  readonly kind: IntervalKind
  /** Seconds since the job was made. */
  readonly fromS: number
  readonly toS: number
  /** Of running intervals. */
  readonly attempt: number
  readonly node: string | null
  readonly threads: number | null
  readonly outcome: AttemptEnd | null
  readonly code: string | null
  /** What it waited for: a step of this job, where one is known. */
  readonly waitedFor: number | null
}

export interface StepTimeline {
  readonly step: ReportStep
  readonly intervals: readonly Interval[]
}

const ENDS: Readonly<Record<string, AttemptEnd>> = {
  succeeded: 'succeeded',
  failed: 'failed',
  released: 'given back',
  cancelled: 'cancelled',
}

/**
 * What each step did from the making of its job to `now`, from its events alone. Pure. Waiting names whom it waited for: a blocked
 * step the predecessor that ended last; a queued one the step of this job that made place for it, the last to end on its
 * node before it was claimed, where it had to wait over a second.
 */
export function buildTimeline(
  steps: readonly ReportStep[],
  events: readonly ReportEvent[],
  { createdAt, now }: { createdAt: Date; now: Date },
): readonly StepTimeline[] {
  const seconds = (at: Date) => Math.max(0, (at.getTime() - createdAt.getTime()) / 1000)
  const endS = seconds(now)
  const ofStep = new Map<number, ReportEvent[]>()
  const nodes = new Map<string, string | null>()
  for (const event of events) {
    ofStep.set(event.stepId, [...(ofStep.get(event.stepId) ?? []), event])
    if (event.kind === 'claimed' || event.kind === 'begun')
      nodes.set(`${event.stepId}-${event.attempt}`, event.node)
  }
  const ends = events
    .filter(({ kind }) => Object.hasOwn(ENDS, kind))
    .map(({ stepId, attempt, at }) => ({
      stepId,
      atS: seconds(at),
      node: nodes.get(`${stepId}-${attempt}`) ?? null,
    }))
  const successS = new Map(
    events.filter(({ kind }) => kind === 'succeeded').map(({ stepId, at }) => [stepId, seconds(at)]),
  )
  const freed = (step: number, atS: number, node: string | null): number | null =>
    ends.findLast((end) => end.stepId !== step && end.atS <= atS + 0.001 && end.node === node)?.stepId ?? null
  const lastPredecessor = (step: ReportStep): number | null =>
    [...step.predecessors]
      .sort((a, b) => (successS.get(a) ?? Infinity) - (successS.get(b) ?? Infinity))
      .at(-1) ?? null
  return steps.map((step) => {
    const intervals: Interval[] = []
    let fromS = 0
    let kind: IntervalKind | null = step.predecessors.length > 0 ? 'blocked' : 'queued'
    let readyS = 0
    let claim: ReportEvent | null = null
    const wait = (toS: number, next: ReportEvent | null) => {
      if (kind === null || kind === 'running') return
      const common = { attempt: 0, node: null, threads: null, outcome: null, code: null }
      const backoffTo = Math.min(toS, readyS)
      if (kind === 'backoff' && backoffTo > fromS)
        intervals.push({ kind: 'backoff', fromS, toS: backoffTo, waitedFor: null, ...common })
      const start = kind === 'backoff' ? Math.max(fromS, backoffTo) : fromS
      if (toS <= start) return
      const waitedFor =
        kind === 'blocked'
          ? lastPredecessor(step)
          : next !== null && toS - start > 1
            ? freed(step.id, toS, next.node)
            : null
      intervals.push({
        kind: kind === 'blocked' ? 'blocked' : 'queued',
        fromS: start,
        toS,
        waitedFor,
        ...common,
      })
    }
    const attemptEnds = (toS: number, outcome: AttemptEnd, code: string | null) => {
      if (claim === null) return
      const { attempt, node, threads } = claim
      intervals.push({ kind: 'running', fromS, toS, attempt, node, threads, outcome, code, waitedFor: null })
    }
    for (const event of ofStep.get(step.id) ?? []) {
      const atS = seconds(event.at)
      const end = ENDS[event.kind]
      if (event.kind === 'claimed') {
        wait(atS, event)
        ;[fromS, kind, claim] = [atS, 'running', event]
      } else if (event.kind === 'begun') {
        // Claimed when it was handed to Slurm; until its job began there it only waited.
        kind = 'queued'
        wait(atS, event)
        ;[fromS, kind, claim] = [atS, 'running', event]
      } else if (event.kind === 'unblocked' || event.kind === 'retried') {
        wait(atS, null)
        ;[fromS, kind] = [atS, 'queued']
      } else if (end !== undefined) {
        if (kind === 'running') attemptEnds(atS, end, event.code)
        else wait(atS, null)
        const isTriedAgain = end === 'given back' || (end === 'failed' && event.delayS !== null)
        ;[fromS, kind, claim] = [atS, isTriedAgain ? 'backoff' : null, null]
        readyS = atS + (event.delayS ?? 0)
      }
    }
    if (kind === 'running') attemptEnds(endS, 'runs', null)
    else if (!isTerminal(step.state)) wait(endS, null)
    return { step, intervals }
  })
}
