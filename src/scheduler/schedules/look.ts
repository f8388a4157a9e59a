import { listSchedules, lockSchedule, type ScheduleRow } from '../../db/schedules/list-schedules.js'
import { listMissingL2a, type MissingL2a } from '../../db/schedules/list-missing-l2a.js'
import { recordLook, recordRun } from '../../db/schedules/write-schedule.js'
import type { Queryable } from '../../db/steps/queryable.js'
import { isDatabaseAway } from '../../domain/database-away.js'
import { dayNumber, dayText } from '../../domain/calendar-day.js'
import { asProcessingError } from '../../domain/errors.js'
import { dueDays, scheduleSpan } from '../../domain/schedule-rule.js'
import {
  SCHEDULED,
  scheduledProcessor,
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

/**
 * Looks at all schedules that may run now, and runs those that are due. Each is a transaction of its own: its job, its history and its new state are one
 * commit, so that a scheduler may die after any line and two may look at once. What fails in one is written in its row and keeps no other from running.
 * Returns those that ran, wait or failed.
 */
export async function lookAtSchedules(
  db: Queryable,
  {
    signal,
    processors = SCHEDULED,
  }: { readonly signal?: AbortSignal; readonly processors?: ScheduledProcessors } = {},
): Promise<Looked[]> {
  const open = (await listSchedules(db)).filter(
    (schedule) => !schedule.paused && !schedule.siteIsPaused && schedule.isLookedAt,
  )
  const news = new Map<string, ReadonlySet<number>>()
  const looked: Looked[] = []
  for (const schedule of open) {
    if (signal?.aborted === true) break
    try {
      if (!(await mayRun(db, schedule, { processors, news }))) continue
      const result = await db.transaction().execute((trx) => look(trx, schedule.id, processors))
      if (result !== null) looked.push(result)
    } catch (error) {
      if (isDatabaseAway(error)) throw error
      const { code, message } = asProcessingError(error)
      await recordLook(db, {
        id: schedule.id,
        againInS: schedule.retryS,
        waitsFor: schedule.waitsFor,
        note: message,
        errorCode: code,
      })
      looked.push({ schedule, jobId: null, steps: 0, waitsFor: [], error: `${code}: ${message}` })
    }
  }
  return looked
}

/** Whether there is anything to do, before a transaction is begun; what is new is asked once for all schedules of a processor. */
async function mayRun(
  db: Queryable,
  schedule: ScheduleRow,
  {
    processors,
    news,
  }: { readonly processors: ScheduledProcessors; readonly news: Map<string, ReadonlySet<number>> },
): Promise<boolean> {
  if (schedule.repeat !== 'on_product') return due(schedule).length > 0
  const { first, last } = scheduleSpan(schedule, schedule)
  const today = schedule.localNow.slice(0, 10)
  if (today < first || today > last) return false
  const { processor } = schedule
  const fresh = news.get(processor) ?? (await scheduledProcessor(processor, processors).seasonsWithNew(db))
  news.set(processor, fresh)
  return fresh.has(schedule.seasonId)
}

const due = (schedule: ScheduleRow): readonly string[] =>
  dueDays(schedule, schedule, schedule.doneThrough, schedule.localNow).due

async function look(trx: Queryable, id: number, processors: ScheduledProcessors): Promise<Looked | null> {
  if (!(await lockSchedule(trx, id))) return null
  // Another may have run it since it was listed.
  const [schedule] = await listSchedules(trx, { id })
  if (schedule === undefined || schedule.paused || schedule.siteIsPaused || !schedule.isLookedAt) return null
  const isByDay = schedule.repeat !== 'on_product'
  const days = isByDay ? due(schedule) : [schedule.localNow.slice(0, 10)]
  const last = days.at(-1)
  if (last === undefined) return null
  const processor = scheduledProcessor(schedule.processor, processors)
  const missing = await missingInputs(trx, processor, schedule, days)
  const pending = missing.filter(({ isPending }) => isPending)
  if (pending.length > 0 && today(schedule) < deadline(schedule, last)) {
    const waitsFor = asText(pending)
    await recordLook(trx, {
      id,
      againInS: schedule.retryS,
      waitsFor,
      note: `waits for ${pending.length} inputs until ${deadline(schedule, last)}`,
      errorCode: null,
    })
    return { schedule, jobId: null, steps: 0, waitsFor, error: null }
  }
  const createdBy = `schedule ${schedule.name} of ${schedule.site} ${schedule.season}`
  return run(trx, processor, schedule, { days, missing, by: 'schedule', createdBy })
}

/** Runs a schedule now, with what there is, whether it is due or not; its days stay due. */
export async function runNow(trx: Queryable, schedule: ScheduleRow, by: string): Promise<Looked> {
  const days = [today(schedule)]
  const processor = scheduledProcessor(schedule.processor)
  const missing = await missingInputs(trx, processor, schedule, days)
  return run(trx, processor, schedule, { days, missing, by, createdBy: by })
}

async function run(
  trx: Queryable,
  processor: ScheduledProcessor,
  schedule: ScheduleRow,
  {
    days,
    missing,
    by,
    createdBy,
  }: { days: readonly string[]; missing: readonly MissingL2a[]; by: string; createdBy: string },
): Promise<Looked> {
  const { jobId, stepIds } = await processor.create(trx, {
    schedule,
    days,
    createdBy,
  })
  const isAnswer = by === 'schedule' && schedule.repeat !== 'on_product'
  const dueOn = isAnswer ? (days.at(-1) ?? null) : null
  // One that looks for something new and finds that others make it already has not run.
  if (jobId !== null || dueOn !== null || by !== 'schedule')
    await recordRun(trx, {
      scheduleId: schedule.id,
      dueOn,
      caughtUp: isAnswer ? days.length - 1 : 0,
      by,
      jobId,
      steps: stepIds.length,
      missing: asText(missing),
    })
  const done = jobId === null ? 'nothing to do' : `job ${jobId} with ${stepIds.length} steps`
  const without = missing.length === 0 ? '' : `, without ${missing.length} inputs`
  await recordLook(trx, {
    id: schedule.id,
    againInS: schedule.retryS,
    waitsFor: [],
    note: `${done}${without}`,
    errorCode: null,
  })
  return { schedule, jobId, steps: stepIds.length, waitsFor: [], error: null }
}

async function missingInputs(
  trx: Queryable,
  processor: ScheduledProcessor,
  schedule: ScheduleRow,
  days: readonly string[],
): Promise<readonly MissingL2a[]> {
  const found = new Map<number, MissingL2a>()
  for (const day of days) {
    const window = await processor.window(trx, schedule, day)
    if (window === null) continue
    for (const row of await listMissingL2a(trx, { siteId: schedule.siteId, ...window }))
      found.set(row.acquisitionId, row)
  }
  return [...found.values()]
}

/**
 * The day from which it waits no longer: so many days after it was due or, where that is long ago, after it began to wait. A season in the past
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
