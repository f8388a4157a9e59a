import { sql } from 'kysely'
import type { AnsweredDays, SeasonSpan } from '../../domain/schedule-rule.js'
import type { Queryable } from '../steps/queryable.js'
import { termsOf, type ScheduleTerms } from './schedule-terms.js'

/** A schedule with its season and what the scheduler last found. */
export interface ScheduleRow extends ScheduleTerms, SeasonSpan, AnsweredDays {
  readonly id: number
  readonly site: string
  readonly siteId: number
  readonly season: string
  readonly seasonId: number
  readonly paused: boolean
  /** Its site, or that one's parent, is paused. */
  readonly siteIsPaused: boolean
  readonly seasonIsPaused: boolean
  /** It is due for a look, by real time. */
  readonly isLookedAt: boolean
  /** Civil time by the clock of planning in its zone, YYYY-MM-DD HH:MM:SS. */
  readonly localNow: string
  /** The same when it began to wait for inputs; null: it does not wait. */
  readonly waitingSince: string | null
  readonly waitsFor: readonly string[]
  readonly note: string | null
  readonly errorCode: string | null
}

export interface ScheduleFilter {
  readonly siteId?: number
  readonly season?: string
  readonly name?: string
  readonly processor?: string
  readonly ids?: readonly number[]
}

const civil = (time: string) => sql.raw(`to_char(${time} at time zone s.time_zone, 'YYYY-MM-DD HH24:MI:SS')`)

/** Schedules by site, first day of the season, and name. */
export async function listSchedules(db: Queryable, filter: ScheduleFilter = {}): Promise<ScheduleRow[]> {
  const { siteId = null, season = null, name = null, processor = null, ids = null } = filter
  const { rows } = await sql<ScheduleRow>`
    select s.id, site.slug as site, site.id as "siteId", n.name as season, n.id as "seasonId", n.starts_on as "startsOn", n.mid_on as "midOn",
      n.ends_on as "endsOn", ${termsOf('s')}, s.paused,
      (site.paused or coalesce(parent.paused, false)) as "siteIsPaused", n.paused as "seasonIsPaused", s.done_through as "doneThrough",
      s.answered_days::text[] as "answeredDays", s.look_at <= now() as "isLookedAt",
      ${civil('season_now()')} as "localNow", ${civil('s.waiting_since')} as "waitingSince", s.waits_for as "waitsFor", s.note,
      s.error_code as "errorCode"
    from schedule s join season n on n.id = s.season_id join site on site.id = n.site_id left join site parent on parent.id = site.parent_id
    where (${siteId}::bigint is null or site.id = ${siteId}) and (${season}::text is null or n.name = ${season})
      and (${name}::text is null or s.name = ${name}) and (${processor}::text is null or s.processor = ${processor}) and (${ids}::bigint[] is null or s.id = any(${ids}))
    order by site.slug, n.starts_on, n.name, s.name`.execute(db)
  return rows
}

/** Of these schedules those that this transaction holds from now on: another scheduler or command has the others just now, or they are gone. */
export async function lockSchedules(trx: Queryable, ids: readonly number[]): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`
    select id from schedule where id = any(${ids}::bigint[]) order by id for update skip locked`.execute(trx)
  return rows.map(({ id }) => id)
}
