import type { JobRow } from '../db/jobs/list-jobs.js'
import type { ReadyStep } from '../db/steps/list-ready-steps.js'
import { readDeadlines, type OpenDeadline } from '../db/steps/read-deadlines.js'
import type { Queryable } from '../db/steps/queryable.js'
import { readLearnedUse } from '../db/steps/read-learned-use.js'
import { favourUrgent, remainingS, slackS, type DeadlineWork, type Given } from './deadline-order.js'
import { UNKNOWN_COST_S } from './fair-shares.js'
import { readSettings, type SettingsInForce } from './settings-in-force.js'

/** How old may be what is known of deadlines, ms. */
const FRESH_MS = 2000
const NOTHING: Given = { urgentS: 0, otherS: 0 }

/** Slot time of a kind of steps, s; undefined where nothing like it has run. */
type CostOfKind = (kind: Pick<ReadyStep, 'processor' | 'sizeClass'>) => number | undefined

/**
 * Favours jobs that are close to their deadline in the order of fairness. As with the shares Postgres is asked after a round has started its steps;
 * what was given to deadlines is counted by each scheduler for itself, and forgotten when none is close.
 */
export class Deadlines {
  /** By job; `until` in ms of `performance.now()`. */
  private known = new Map<number, { readonly until: number; readonly work: DeadlineWork }>()
  private given = NOTHING
  /** Whether steps of both kinds waited when they were last ordered. */
  private isContended = false
  private readAt = -Infinity

  constructor(private readonly db: Queryable) {}

  order(ready: readonly ReadyStep[], settings: SettingsInForce, costOf: CostOfKind): ReadyStep[] {
    const slack = (step: ReadyStep) => this.slackOf(step, settings)
    const urgent = ready.filter((step) => (slack(step) ?? Infinity) < 0).length
    this.isContended = urgent > 0 && urgent < ready.length
    if (urgent === 0) this.given = NOTHING
    const share = settings.resolve('fair.deadline_share').value
    return favourUrgent(ready, { slack, cost: (step) => costOf(step) ?? UNKNOWN_COST_S }, this.given, share)
  }

  /** Counts what was started, of what `order` was asked for. */
  charge(started: readonly ReadyStep[], settings: SettingsInForce, costOf: CostOfKind): void {
    if (!this.isContended) return
    for (const step of started) {
      const costS = costOf(step) ?? UNKNOWN_COST_S
      const { urgentS, otherS } = this.given
      this.given =
        (this.slackOf(step, settings) ?? Infinity) < 0
          ? { urgentS: urgentS + costS, otherS }
          : { urgentS, otherS: otherS + costS }
    }
  }

  private slackOf({ jobId }: ReadyStep, settings: SettingsInForce): number | undefined {
    const known = this.known.get(jobId)
    if (known === undefined) return undefined
    const inS = (known.until - performance.now()) / 1000
    return slackS({ ...known.work, inS }, settings.capacity().slots)
  }

  /** Reads deadlines and open work anew, at most every 2 s. */
  async refresh(costOf: CostOfKind): Promise<void> {
    if (performance.now() - this.readAt < FRESH_MS) return
    const rows = await readDeadlines(this.db)
    this.readAt = performance.now()
    this.known = new Map(
      rows.map((row) => [row.jobId, { until: this.readAt + row.inS * 1000, work: workOf(row, costOf) }]),
    )
  }
}

const workOf = ({ inS, open, depth }: OpenDeadline, costOf: CostOfKind): DeadlineWork => ({
  inS,
  depth,
  open: open.map((kind) => ({ steps: kind.steps, costS: costOf(kind) ?? UNKNOWN_COST_S })),
})

/** How a job stands to its deadline. */
export interface DeadlineStanding {
  readonly at: Date
  /** `at risk`: what is left of the time is little for what is left of the work, though it will be favoured; `missed`: it has passed, or the job ended after it. */
  readonly standing: 'in time' | 'at risk' | 'missed' | 'met'
  /** Seconds from the deadline to the end of the job, or to now; negative: before it. */
  readonly lateS: number
  /** Estimate of what its open steps take with all slots, s; null for a job that has ended. */
  readonly remainingS: number | null
}

/** A job with its deadline; null where it has none. */
export type JobWithDeadline = JobRow & { readonly deadline: DeadlineStanding | null }

/** Adds how each job stands to its deadline, by the settings in force on the asking host. */
export async function withDeadlines(db: Queryable, jobs: readonly JobRow[]): Promise<JobWithDeadline[]> {
  const isOpen = jobs.some(({ deadline_at, state }) => deadline_at !== null && state === 'active')
  const rows = isOpen ? await readDeadlines(db, jobs.length === 1 ? (jobs[0]?.id ?? null) : null) : []
  const settings = isOpen ? await readSettings(db) : undefined
  const kinds = rows.flatMap(({ open }) =>
    open.flatMap(({ processor, sizeClass }) => (sizeClass === null ? [] : [{ processor, sizeClass }])),
  )
  const learned = settings === undefined ? undefined : await readLearnedUse(db, kinds, settings.learnHow())
  const costOf: CostOfKind = ({ processor, sizeClass }) =>
    learned?.get(`${processor} ${sizeClass ?? ''}`)?.slotS
  const open = new Map(rows.map((row) => [row.jobId, workOf(row, costOf)]))
  return jobs.map((job) => {
    if (job.deadline_at === null) return { ...job, deadline: null }
    const at = job.deadline_at
    const work = open.get(job.id)
    if (work === undefined || settings === undefined) {
      const lateS = ((job.ended_at ?? new Date()).getTime() - at.getTime()) / 1000
      return { ...job, deadline: { at, standing: lateS > 0 ? 'missed' : 'met', lateS, remainingS: null } }
    }
    const { slots } = settings.capacity()
    const standing = work.inS < 0 ? 'missed' : slackS(work, slots) < 0 ? 'at risk' : 'in time'
    return { ...job, deadline: { at, standing, lateS: -work.inS, remainingS: remainingS(work, slots) } }
  })
}
