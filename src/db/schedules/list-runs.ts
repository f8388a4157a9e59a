import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

export interface ScheduleRunRow {
  readonly at: Date
  readonly seasonAt: Date
  readonly dueOn: string | null
  readonly caughtUp: number
  readonly by: string
  readonly jobId: number | null
  readonly steps: number
  readonly missing: readonly string[]
}

/** The last runs of a schedule, newest first. */
export async function listScheduleRuns(
  db: Queryable,
  scheduleId: number,
  limit: number,
): Promise<ScheduleRunRow[]> {
  const { rows } = await sql<ScheduleRunRow>`
    select at, season_at as "seasonAt", due_on as "dueOn", caught_up as "caughtUp", by, job_id as "jobId", steps, missing
    from schedule_run where schedule_id = ${scheduleId} order by id desc limit ${limit}`.execute(db)
  return rows
}
