import { listJobs, type JobRow } from '../../db/jobs/list-jobs.js'
import { databaseNow } from '../../db/report/database-now.js'
import { listReportEvents, listReportSteps } from '../../db/report/list-job-events.js'
import type { Queryable } from '../../db/steps/queryable.js'
import { ProcessingError } from '../../domain/errors.js'
import { jobTimes, type JobTimes } from './job-times.js'
import { buildTimeline, type StepTimeline } from './timeline.js'

export interface JobReport {
  readonly job: JobRow
  readonly times: JobTimes
  readonly timeline: readonly StepTimeline[]
}

/** What a job did, from the events of its steps. Throws NOT_FOUND. */
export async function readJobReport(db: Queryable, id: number): Promise<JobReport> {
  const [job] = await listJobs(db, { id, limit: 1 })
  if (job === undefined) throw new ProcessingError('NOT_FOUND', `There is no job ${id}. See \`tilth jobs\`.`)
  const steps = await listReportSteps(db, id)
  const events = await listReportEvents(db, id)
  const now = job.ended_at ?? (await databaseNow(db))
  const timeline = buildTimeline(steps, events, { createdAt: job.created_at, now })
  const elapsedS = (now.getTime() - job.created_at.getTime()) / 1000
  return { job, times: jobTimes(timeline, events, elapsedS), timeline }
}
