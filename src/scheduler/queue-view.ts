import { ProcessingError } from '../domain/errors.js'
import { listJobs } from '../db/jobs/list-jobs.js'
import {
  listProductsOfStep,
  listStepEvents,
  listSteps,
  type StepEventRow,
  type StepRow,
} from '../db/jobs/list-steps.js'
import { listStepHistories } from '../db/report/list-step-histories.js'
import { cancelSteps, retrySteps } from '../db/steps/change-steps.js'
import { queueSummary, type QueueSummary } from '../db/steps/queue-summary.js'
import type { Queryable } from '../db/steps/queryable.js'
import { withDeadlines, type JobWithDeadline } from './deadlines.js'
import { failedAttempts, type FailedAttempt } from './failed-attempts.js'
import type { Capacity } from './admission.js'
import { describeStanding, selectNamed, type NamedSteps } from './named-steps.js'
import { readSettings } from './settings-in-force.js'
import { openWaitingRoom, type AskingHost } from './why-waiting.js'

export type { StepRow, StepEventRow, StepFilter } from '../db/jobs/list-steps.js'
export type { StepHistory } from '../db/report/list-step-histories.js'
export { listStepEvents, listStepHistories, listSteps }

/** Jobs, newest first, with how they stand to their deadlines. */
export const viewJobs = async (
  db: Queryable,
  filter: Parameters<typeof listJobs>[1],
): Promise<JobWithDeadline[]> => withDeadlines(db, await listJobs(db, filter))

export interface StepDetail {
  readonly step: StepRow
  /** Why it does not run, in words; empty for a step that does not wait. */
  readonly waits: readonly string[]
  readonly events: readonly StepEventRow[]
  readonly failures: readonly FailedAttempt[]
  readonly products: readonly { readonly id: number; readonly name: string; readonly location: string }[]
}

/** One step. Throws NOT_FOUND. */
export async function findStep(db: Queryable, id: number): Promise<StepRow> {
  const [step] = await listSteps(db, { ids: [id], limit: 1 })
  if (step === undefined)
    throw new ProcessingError('NOT_FOUND', `There is no step ${id}. See \`tilth steps\`.`)
  return step
}

/** One step with its history and why it waits, as seen from a host. Throws NOT_FOUND. */
export async function showStep(db: Queryable, id: number, host: AskingHost): Promise<StepDetail> {
  const step = await findStep(db, id)
  const events = await listStepEvents(db, id)
  return {
    step,
    waits: await openWaitingRoom(db, host).why(step),
    events,
    failures: failedAttempts(events),
    products: await listProductsOfStep(db, id),
  }
}

/** One job. Throws NOT_FOUND. */
export async function findJob(db: Queryable, id: number): Promise<JobWithDeadline> {
  const [job] = await viewJobs(db, { id, limit: 1 })
  if (job === undefined) throw new ProcessingError('NOT_FOUND', `There is no job ${id}. See \`tilth jobs\`.`)
  return job
}

/** One job with its steps. Throws NOT_FOUND. */
export async function showJob(
  db: Queryable,
  id: number,
): Promise<{ job: JobWithDeadline; steps: readonly StepRow[] }> {
  return { job: await findJob(db, id), steps: await listSteps(db, { job: id, limit: 100_000 }) }
}

/**
 * See `cancelSteps`; `asked` counts those too that were asked before and still run. Throws NOT_FOUND, and CONFLICT where all has ended
 * already.
 */
export async function cancel(
  db: Queryable,
  named: NamedSteps,
): Promise<{ cancelled: number; asked: number }> {
  const which = await selectNamed(db, named)
  const counts = await cancelSteps(db, which)
  const { text, endings } = await describeStanding(db, named, which)
  if (counts.cancelled + counts.asked + endings === 0)
    throw new ProcessingError('CONFLICT', `${text}: nothing waits or runs that could be cancelled.`)
  return { cancelled: counts.cancelled, asked: Math.max(counts.asked, endings) }
}

/** See `retrySteps`. Throws NOT_FOUND, and CONFLICT where nothing has failed or was cancelled. */
export async function retry(db: Queryable, named: NamedSteps): Promise<{ retried: number }> {
  const which = await selectNamed(db, named)
  const { text } = await describeStanding(db, named, which)
  const retried = await retrySteps(db, which)
  if (retried === 0)
    throw new ProcessingError(
      'CONFLICT',
      `${text}: only failed, quarantined and cancelled steps are put back. What has succeeded is made again by \`tilth process --force\`.`,
    )
  return { retried }
}

export interface QueueStatus {
  readonly counts: QueueSummary['counts']
  readonly capacity: Capacity
  readonly threadsGranted: number
  readonly memoryAdmittedMb: number
  /** Resident memory of the running attempts at their peaks, MiB. */
  readonly memoryUsedMb: number
  /** Seconds until the queue is empty at the mean speed of the last hour; null while no step has succeeded. */
  readonly etaS: number | null
  readonly nextRetryS: number | null
  readonly running: readonly StepRow[]
}

/** What `tilth status` shows. */
export async function queueStatus(db: Queryable): Promise<QueueStatus> {
  const summary = await queueSummary(db, { executor: 'local' })
  const running = await listSteps(db, { states: ['running'], limit: 10_000 })
  const sum = (of: (step: StepRow) => number) => running.reduce((total, step) => total + of(step), 0)
  const remaining = summary.open - summary.runningProgress
  return {
    counts: summary.counts,
    capacity: (await readSettings(db)).capacity(),
    threadsGranted: sum((step) => step.threads ?? 0),
    memoryAdmittedMb: sum((step) => step.granted.memory_mb ?? step.memory_mb),
    memoryUsedMb: Math.round(sum((step) => step.resources.max_rss_kb ?? 0) / 1024),
    etaS:
      summary.open === 0
        ? 0
        : summary.meanWallS === null
          ? null
          : (remaining * summary.meanWallS) / Math.max(1, running.length),
    nextRetryS: summary.nextReadyS,
    running,
  }
}
