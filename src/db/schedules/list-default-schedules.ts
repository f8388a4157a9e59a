import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'
import { termsOf, type ScheduleTerms } from './schedule-terms.js'

/** A schedule that each new season gets a copy of. */
export interface DefaultScheduleRow extends ScheduleTerms {
  readonly doc: string
}

/** By name. */
export async function listDefaultSchedules(db: Queryable): Promise<DefaultScheduleRow[]> {
  const { rows } = await sql<DefaultScheduleRow>`
    select ${termsOf('d')}, d.doc from default_schedule d order by d.name`.execute(db)
  return rows
}
