import { listSchedules, lockSchedules, type ScheduleRow } from '../../db/schedules/list-schedules.js'
import { listMissingL2a, type MissingL2a } from '../../db/schedules/list-missing-l2a.js'
import type { NewsBySeason } from '../../db/schedules/seasons-of.js'
import { recordAnswered, recordLook, recordLooks, recordRuns } from '../../db/schedules/write-schedule.js'
import type { Queryable } from '../../db/steps/queryable.js'
import { isDatabaseAway } from '../../domain/database-away.js'
import { dayNumber, dayText } from '../../domain/calendar-day.js'
import { asProcessingError } from '../../domain/errors.js'
import {
  answeredAfter,
  daysByHand,
  dueDays,
  scheduleSpan,
  type AnsweredDays,
} from '../../domain/schedule-rule.js'
import type { ReadySchedule } from './schedule-arguments.js'
import {
  askedBy,
  SCHEDULED,
  scheduledProcessor,
  withParameters,
  type ScheduledProcessor,
  type ScheduledProcessors,
} from './scheduled-processor.js'

/** What a look at one schedule came to. */
export interface Looked {
  readonly schedule: ScheduleRow
  /** Null: there was nothing to do, or it waits. */
  readonly jobId: number | null
  readonly steps: number
  readonly waitsFor: readonly string[]
  readonly error: string | null
}

/** Inputs told one by one; the rest is counted. */
const TOLD = 20

/** Schedules that are looked at in one transaction where their processor can plan for many seasons at once. */
const BATCH = 250

/**
 * Looks at all schedules that may run now, and runs those that are due. The job of each, its history and its new state are one commit, so that a scheduler
 * may die after any line and two may look at once; what is new is planned for many schedules in one commit. What fails in one is written in its row and
 * keeps no other from running. Returns those that ran, wait or failed.
 */
export async function lookAtSchedules(
  db: Queryable,
  {
    signal,
    processors = SCHEDULED,
  }: { readonly signal?: AbortSignal; readonly processors?: ScheduledProcessors } = {},
): Promise<Looked[]> {
  const open = (await listSchedules(db)).filter(isOpen)
  const news = new Map<string, NewsBySeason>()
  const looked: Looked[] = []
  /** By processor, those with something new. */
  const together = new Map<string, ScheduleRow[]>()
  const alone: ScheduleRow[] = []
  for (const schedule of open) {
    try {
      if (!(await mayRun(db, schedule, { processors, news }))) continue
      const { processor } = schedule
      const isOne = schedule.repeat !== 'on_product' || processors[processor]?.createNew === undefined
      if (isOne) alone.push(schedule)
      else together.set(processor, [...(together.get(processor) ?? []), schedule])
    } catch (error) {
      looked.push(await recordError(db, schedule, error))
    }
  }
  for (const [processor, schedules] of together) {
    /** Planned by a season that came before. */
    const planned = new Set<number>()
    const newsOf = ({ seasonId }: ScheduleRow) =>
      (news.get(processor)?.get(seasonId) ?? []).filter((id) => !planned.has(id))
    for (let i = 0; i < schedules.length && signal?.aborted !== true; i += BATCH) {
      const batch = schedules.slice(i, i + BATCH)
      try {
        const results = await lookTogether(db, batch, scheduledProcessor(processor, processors), newsOf)
        looked.push(...results)
        for (const id of results.flatMap(({ schedule }) => newsOf(schedule))) planned.add(id)
      } catch (error) {
        if (isDatabaseAway(error)) throw error
        // One of them is the cause: alone it keeps no other from running.
        alone.push(...batch)
      }
    }
  }
  for (const schedule of alone) {
    if (signal?.aborted === true) break
    try {
      const result = await db.transaction().execute((trx) => look(trx, schedule.id, processors))
      if (result !== null) looked.push(result)
    } catch (error) {
      looked.push(await recordError(db, schedule, error))
    }
  }
  return looked
}

const isOpen = (schedule: ScheduleRow): boolean =>
  !schedule.paused && !schedule.siteIsPaused && !schedule.seasonIsPaused && schedule.isLookedAt

/** Throws the error again where it is not the schedule's. */
async function recordError(db: Queryable, schedule: ScheduleRow, error: unknown): Promise<Looked> {
  if (isDatabaseAway(error)) throw error
  const { code, message } = asProcessingError(error)
  await recordLook(db, {
    id: schedule.id,
    againInS: schedule.retryS,
    waitsFor: schedule.waitsFor,
    note: message,
    errorCode: code,
  })
  return { schedule, jobId: null, steps: 0, waitsFor: [], error: `${code}: ${message}` }
}

/** Whether there is anything to do, before a transaction is begun; what is new is asked once for all schedules of a processor. */
async function mayRun(
  db: Queryable,
  schedule: ScheduleRow,
  {
    processors,
    news,
  }: { readonly processors: ScheduledProcessors; readonly news: Map<string, NewsBySeason> },
): Promise<boolean> {
  if (schedule.repeat !== 'on_product') return due(schedule).length > 0
  if (!isWithinSpan(schedule)) return false
  const { processor } = schedule
  const fresh = news.get(processor) ?? (await scheduledProcessor(processor, processors).seasonsWithNew(db))
  news.set(processor, fresh)
  return fresh.has(schedule.seasonId)
}

function isWithinSpan(schedule: ScheduleRow): boolean {
  const { first, last } = scheduleSpan(schedule, schedule)
  return today(schedule) >= first && today(schedule) <= last
}

/** Plans what is new for all of these schedules of one processor in one transaction. */
async function lookTogether(
  db: Queryable,
  schedules: readonly ScheduleRow[],
  processor: ScheduledProcessor,
  newsOf: (schedule: ScheduleRow) => readonly number[],
): Promise<Looked[]> {
  return db.transaction().execute(async (trx) => {
    const ids = await lockSchedules(
      trx,
      schedules.map(({ id }) => id),
    )
    // Another may have run some since they were listed.
    const held = (await listSchedules(trx, { ids })).filter(isOpen)
    const jobs =
      (await processor.createNew?.(
        trx,
        held.map((schedule) => ({
          ...{ siteId: schedule.siteId, season: schedule.season, priority: schedule.priority },
          ...askedBy(withParameters(schedule, processor)),
          ids: newsOf(schedule),
          createdBy: nameOf(schedule),
        })),
      )) ?? []
    const looked = held.map((schedule, i): Looked => {
      const job = jobs[i]
      return {
        ...{ schedule, jobId: job?.id ?? null, steps: job?.stepIds.length ?? 0, waitsFor: [], error: null },
      }
    })
    await recordRuns(
      trx,
      looked.flatMap(({ schedule, jobId, steps }) =>
        jobId === null
          ? []
          : [
              {
                ...{ scheduleId: schedule.id, dueOn: null, caughtUp: 0, by: 'schedule', jobId, steps },
                missing: [],
              },
            ],
      ),
    )
    await recordLooks(
      trx,
      looked.map(({ schedule, jobId, steps }) => ({
        ...{ id: schedule.id, againInS: schedule.retryS, waitsFor: [], errorCode: null },
        note: noteOf(jobId, steps),
      })),
    )
    return looked
  })
}

const noteOf = (jobId: number | null, steps: number): string =>
  jobId === null ? 'nothing to do' : `job ${jobId} with ${steps} steps`

const nameOf = ({ name, site, season }: ScheduleRow): string => `schedule ${name} of ${site} ${season}`

const due = (schedule: ScheduleRow): readonly string[] =>
  dueDays(schedule, schedule, schedule, schedule.localNow).due

/** Inputs that are missing, by the day whose window they lie in. */
type MissingByDay = ReadonlyMap<string, readonly MissingL2a[]>

/** Days that wait on, and what for. */
interface Waiting {
  readonly waitsFor: readonly string[]
  /** In words. */
  readonly note: string
}

async function look(trx: Queryable, id: number, processors: ScheduledProcessors): Promise<Looked | null> {
  if ((await lockSchedules(trx, [id])).length === 0) return null
  // Another may have run it since it was listed.
  const [row] = await listSchedules(trx, { ids: [id] })
  if (row === undefined || !isOpen(row)) return null
  const processor = scheduledProcessor(row.processor, processors)
  const schedule = withParameters(row, processor)
  const isByDay = schedule.repeat !== 'on_product'
  const days = isByDay ? due(schedule) : [today(schedule)]
  if (days.length === 0) return null
  const missing = await missingInputs(trx, processor, schedule, days)
  // Each day has a window and a deadline of its own: where the days come faster than `waitDays`, the latest is never past its own.
  const left = days.filter(
    (day) => today(schedule) < deadline(schedule, day) && pendingOf([day], missing).length > 0,
  )
  const waiting = waitingOf(schedule, left, missing)
  const ready = days.filter((day) => !left.includes(day))
  if (ready.length > 0)
    return run(trx, processor, schedule, {
      ...{ days: ready, missing, by: 'schedule', createdBy: nameOf(schedule) },
      ...{ answered: isByDay ? answeredAfter(schedule, days, ready) : null, waiting },
    })
  const { waitsFor, note } = waiting
  await recordLook(trx, { id, againInS: schedule.retryS, waitsFor, note, errorCode: null })
  return { schedule, jobId: null, steps: 0, waitsFor, error: null }
}

function waitingOf(schedule: ScheduleRow, left: readonly string[], missing: MissingByDay): Waiting {
  const pending = pendingOf(left, missing)
  const [first] = left
  return {
    waitsFor: asText(pending),
    note: first === undefined ? '' : `waits for ${pending.length} inputs until ${deadline(schedule, first)}`,
  }
}

/** Runs a schedule now, with what there is, whether it is due or not (`daysByHand`); its days stay due, and wait on. */
export async function runNow(trx: Queryable, row: ScheduleRow, by: string): Promise<Looked> {
  const processor = scheduledProcessor(row.processor)
  const schedule = withParameters(row, processor)
  const days = row.repeat === 'on_product' ? [today(row)] : daysByHand(row, row, row, row.localNow)
  const missing = await missingInputs(trx, processor, schedule, days)
  const waiting = { waitsFor: row.waitsFor, note: '' }
  return run(trx, processor, schedule, { days, missing, by, createdBy: by, answered: null, waiting })
}

async function run(
  trx: Queryable,
  processor: ScheduledProcessor,
  schedule: ReadySchedule,
  asked: {
    readonly days: readonly string[]
    readonly missing: MissingByDay
    readonly by: string
    readonly createdBy: string
    /** Null: it answers no day, by hand and `on_product`. */
    readonly answered: AnsweredDays | null
    /** Other days that wait. */
    readonly waiting: Waiting
  },
): Promise<Looked> {
  const { days, by, createdBy, answered, waiting } = asked
  const { jobId, stepIds } = await processor.create(trx, { schedule, days, createdBy })
  const missing = unique(days.flatMap((day) => asked.missing.get(day) ?? []))
  const isAnswer = answered !== null
  // One that looks for something new and finds that others make it already has not run.
  if (jobId !== null || isAnswer || by !== 'schedule')
    await recordRuns(trx, [
      {
        scheduleId: schedule.id,
        dueOn: isAnswer ? (days.at(-1) ?? null) : null,
        caughtUp: isAnswer ? days.length - 1 : 0,
        by,
        jobId,
        steps: stepIds.length,
        missing: asText(missing),
      },
    ])
  if (isAnswer) await recordAnswered(trx, schedule.id, answered)
  const without = missing.length === 0 ? '' : `, without ${missing.length} inputs`
  const { waitsFor, note } = waiting
  await recordLook(trx, {
    id: schedule.id,
    againInS: schedule.retryS,
    waitsFor,
    note: `${noteOf(jobId, stepIds.length)}${without}${note === '' ? '' : `; ${note}`}`,
    errorCode: null,
  })
  return { schedule, jobId, steps: stepIds.length, waitsFor, error: null }
}

async function missingInputs(
  trx: Queryable,
  processor: ScheduledProcessor,
  schedule: ReadySchedule,
  days: readonly string[],
): Promise<MissingByDay> {
  const missing = new Map<string, readonly MissingL2a[]>()
  for (const day of days) {
    const window = await processor.window(trx, schedule, day)
    if (window !== null) missing.set(day, await listMissingL2a(trx, { siteId: schedule.siteId, ...window }))
  }
  return missing
}

const pendingOf = (days: readonly string[], missing: MissingByDay): MissingL2a[] =>
  unique(days.flatMap((day) => missing.get(day) ?? [])).filter(({ isPending }) => isPending)

/** Windows overlap. */
const unique = (rows: readonly MissingL2a[]): MissingL2a[] => [
  ...new Map(rows.map((row) => [row.acquisitionId, row])).values(),
]

/**
 * The day from which the run for a day waits no longer: so many days after it was due or, where that is long ago, after the schedule began to wait. A season in the past
 * has inputs to wait for too.
 */
function deadline({ waitDays, waitingSince, localNow }: ScheduleRow, dueOn: string): string {
  const from = [dueOn, (waitingSince ?? localNow).slice(0, 10)].sort().at(-1) ?? dueOn
  return dayText(dayNumber(from) + waitDays)
}

const today = ({ localNow }: ScheduleRow): string => localNow.slice(0, 10)

function asText(missing: readonly MissingL2a[]): string[] {
  const told = missing
    .slice(0, TOLD)
    .map(
      ({ acquisitionId, tile, day, why }) =>
        `acquisition ${acquisitionId} (${tile ?? '?'}, ${day ?? '?'}) ${why}`,
    )
  return missing.length > TOLD ? [...told, `and ${missing.length - TOLD} more`] : told
}
