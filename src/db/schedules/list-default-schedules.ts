import { sql } from 'kysely'
import type { ScheduleRule } from '../../domain/schedule-rule.js'
import type { Queryable } from '../steps/queryable.js'

/** A schedule that each new season gets a copy of. */
export interface DefaultScheduleRow extends ScheduleRule {
  readonly name: string
  readonly processor: string
  readonly timeZone: string
  readonly waitDays: number
  readonly retryS: number
  readonly priority: number
  /** Of its jobs, hours from their making; null: none. */
  readonly deadlineH: number | null
  readonly arguments: unknown
  readonly doc: string
}

/** By name. */
export async function listDefaultSchedules(db: Queryable): Promise<DefaultScheduleRow[]> {
  const { rows } = await sql<DefaultScheduleRow>`
    select name, processor, repeat::text as repeat, every_days as "everyDays", month_day as "monthDay", first_base::text as "firstBase",
      first_offset_days as "firstOffsetDays", last_offset_days as "lastOffsetDays", at_time as "atTime", time_zone as "timeZone", wait_days as "waitDays",
      retry_s as "retryS", priority, deadline_h as "deadlineH", arguments, doc
    from default_schedule order by name`.execute(db)
  return rows
}
