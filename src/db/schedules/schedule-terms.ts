import { sql, type RawBuilder } from 'kysely'
import type { ScheduleRule } from '../../domain/schedule-rule.js'

/** When and with what a schedule runs: what one of a season and a default have in common. */
export interface ScheduleTerms extends ScheduleRule {
  readonly name: string
  readonly processor: string
  readonly timeZone: string
  readonly waitDays: number
  readonly retryS: number
  readonly priority: number
  /** Of its jobs, hours from their making; null: none. */
  readonly deadlineH: number | null
  readonly arguments: unknown
}

/** Their columns, of the table that goes by this name in the query. */
export const termsOf = (table: 's' | 'd'): RawBuilder<unknown> =>
  sql.raw(
    [
      ...[
        'name',
        'processor',
        'repeat::text as repeat',
        'every_days as "everyDays"',
        'month_day as "monthDay"',
      ],
      ...['first_base::text as "firstBase"', 'first_offset_days as "firstOffsetDays"'],
      ...['last_offset_days as "lastOffsetDays"', 'at_time as "atTime"', 'time_zone as "timeZone"'],
      ...[
        'wait_days as "waitDays"',
        'retry_s as "retryS"',
        'priority',
        'deadline_h as "deadlineH"',
        'arguments',
      ],
    ]
      .map((column) => `${table}.${column}`)
      .join(', '),
  )
