import { sql, type RawBuilder } from 'kysely'
import type { AnsweredDays, ScheduleBase, ScheduleRepeat } from '../../domain/schedule-rule.js'
import type { Queryable } from '../steps/queryable.js'

/** What a look at a schedule leaves in its row. */
export interface Look {
  readonly id: number
  /** Until the next look, s. */
  readonly againInS: number
  /** Inputs that are missing, as text; empty: it does not wait. */
  readonly waitsFor: readonly string[]
  readonly note: string | null
  readonly errorCode: string | null
}

/** Writes what was found; a schedule that goes on waiting keeps the time at which it began. */
export async function recordLook(db: Queryable, look: Look): Promise<void> {
  await recordLooks(db, [look])
}

/** The same of many schedules in one statement. */
export async function recordLooks(db: Queryable, looks: readonly Look[]): Promise<void> {
  await sql`
    update schedule set look_at = now() + make_interval(secs => l."againInS"), waits_for = l."waitsFor",
      waiting_since = case when l."waitsFor" <> '[]' then coalesce(waiting_since, season_now()) end, note = l.note, error_code = l."errorCode"
    from jsonb_to_recordset(${JSON.stringify(looks)}::jsonb) as l(id bigint, "againInS" float8, "waitsFor" jsonb, note text, "errorCode" text)
    where schedule.id = l.id`.execute(db)
}

export interface ScheduleRun {
  readonly scheduleId: number
  /** The latest day that it answers, YYYY-MM-DD; null where there is none. */
  readonly dueOn: string | null
  readonly caughtUp: number
  readonly by: string
  /** Null: there was nothing to do. */
  readonly jobId: number | null
  readonly steps: number
  /** What was not there when it ran, as text. */
  readonly missing: readonly string[]
}

/** Adds runs to the history. */
export async function recordRuns(trx: Queryable, runs: readonly ScheduleRun[]): Promise<void> {
  if (runs.length === 0) return
  await sql`
    insert into schedule_run (schedule_id, season_at, due_on, caught_up, by, job_id, steps, missing)
    select "scheduleId", season_now(), "dueOn", "caughtUp", by, "jobId", steps, missing from jsonb_to_recordset(${JSON.stringify(runs)}::jsonb)
      as r("scheduleId" bigint, "dueOn" date, "caughtUp" integer, by text, "jobId" bigint, steps integer, missing jsonb)`.execute(
    trx,
  )
}

/** Writes which days of a schedule have been answered. */
export async function recordAnswered(
  trx: Queryable,
  id: number,
  { doneThrough, answeredDays }: AnsweredDays,
): Promise<void> {
  await sql`
    update schedule set done_through = ${doneThrough}::date, answered_days = ${answeredDays}::date[] where id = ${id}`.execute(
    trx,
  )
}

export interface ScheduleChange {
  /** Days or day of a month that another kind of repeat had are taken off. */
  readonly repeat?: ScheduleRepeat
  readonly everyDays?: number
  readonly monthDay?: number
  readonly firstBase?: ScheduleBase
  readonly firstOffsetDays?: number
  readonly lastOffsetDays?: number
  readonly atTime?: string
  readonly timeZone?: string
  readonly waitDays?: number
  readonly retryS?: number
  readonly priority?: number
  /** 0: none. */
  readonly deadlineH?: number
  readonly arguments?: unknown
  readonly paused?: boolean
}

/** What a schedule and a default have in common. */
const changed = (change: Omit<ScheduleChange, 'paused'>): RawBuilder<unknown> => {
  const { arguments: args = null } = change
  const repeat = sql`coalesce(${change.repeat ?? null}::schedule_repeat, repeat)`
  return sql`
    repeat = ${repeat}, every_days = case when ${repeat} = 'cyclic' then coalesce(${change.everyDays ?? null}::integer, every_days) end,
    month_day = case when ${repeat} = 'on_date' then coalesce(${change.monthDay ?? null}::integer, month_day) end,
    first_base = coalesce(${change.firstBase ?? null}::schedule_base, first_base),
    first_offset_days = coalesce(${change.firstOffsetDays ?? null}::integer, first_offset_days),
    last_offset_days = coalesce(${change.lastOffsetDays ?? null}::integer, last_offset_days),
    at_time = coalesce(${change.atTime ?? null}::time, at_time), time_zone = coalesce(${change.timeZone ?? null}::text, time_zone),
    wait_days = coalesce(${change.waitDays ?? null}::integer, wait_days), retry_s = coalesce(${change.retryS ?? null}::integer, retry_s),
    priority = coalesce(${change.priority ?? null}::integer, priority), arguments = coalesce(${args === null ? null : JSON.stringify(args)}::jsonb, arguments),
    deadline_h = nullif(coalesce(${change.deadlineH ?? null}::integer, deadline_h), 0)`
}

/** Changes what is given; it is looked at again at once. What it waited for on other days is forgotten. */
export async function updateSchedule(db: Queryable, id: number, change: ScheduleChange): Promise<void> {
  const { repeat, everyDays, monthDay, firstBase, firstOffsetDays, lastOffsetDays } = change
  const hasOtherDays = [repeat, everyDays, monthDay, firstBase, firstOffsetDays, lastOffsetDays].some(
    (given) => given !== undefined,
  )
  await sql`
    update schedule set ${changed(change)}, paused = coalesce(${change.paused ?? null}::boolean, paused), look_at = now()
      ${hasOtherDays ? sql`, waiting_since = null, waits_for = '[]', note = null, error_code = null` : sql``}
    where id = ${id}`.execute(db)
}

/** Changes what new seasons get. */
export async function updateDefaultSchedule(
  db: Queryable,
  name: string,
  change: Omit<ScheduleChange, 'paused'>,
): Promise<void> {
  await sql`update default_schedule set ${changed(change)} where name = ${name}`.execute(db)
}
