import { z } from 'zod'
import type { AskedJob, InsertedJob } from '../../db/jobs/insert-job.js'
import type { SeasonNews } from '../../db/jobs/season-news.js'
import type { ScheduleRow } from '../../db/schedules/list-schedules.js'
import type { NewsBySeason } from '../../db/schedules/seasons-of.js'
import { seasonsWithNewL1 } from '../../db/schedules/seasons-with-new-l1.js'
import { seasonsWithStaleComposites } from '../../db/schedules/seasons-with-stale-composites.js'
import { seasonsWithNewL2a } from '../../db/schedules/seasons-with-new-l2a.js'
import type { Queryable } from '../../db/steps/queryable.js'
import { dayNumber, dayText } from '../../domain/calendar-day.js'
import { ProcessingError } from '../../domain/errors.js'
import { dayOfMonthBefore } from '../../domain/schedule-rule.js'
import { listStaleComposites } from '../../db/jobs/list-composite-inputs.js'
import { createCompositeJobRows } from '../consumers/create-composite-job.js'
import { createNdviJobRows, createNewNdviJobs } from '../consumers/create-ndvi-job.js'
import { createL2aJobRows, createNewL2aJobs } from '../create-l2a-job.js'
import { readSettings } from '../settings-in-force.js'
import { unmadeComposites } from './unmade-composites.js'

/** One run that a schedule asks for. */
export interface RunRequest {
  readonly schedule: ScheduleRow
  /** Days that the run answers, in order, YYYY-MM-DD; by hand and for `on_product` the present day of the schedule's zone. */
  readonly days: readonly string[]
  readonly createdBy: string
}

/** Sensing days of inputs, UTC, both included. */
export interface InputWindow {
  readonly from: string
  readonly to: string
}

/** What a schedule needs to know of a processor. */
export interface ScheduledProcessor {
  /** Of the schedule's `arguments`; every key has a default. */
  readonly arguments: z.ZodObject
  /** L2A of which days a run for `day` reads; null: it takes what there is and never waits. */
  window(trx: Queryable, schedule: ScheduleRow, day: string): Promise<InputWindow | null>
  /** Seasons with something new, and what it is, for `on_product`. */
  seasonsWithNew(db: Queryable): Promise<NewsBySeason>
  /** Makes the job, or none where nothing is to be done, within the caller's transaction. */
  create(
    trx: Queryable,
    request: RunRequest,
  ): Promise<{ readonly jobId: number | null; readonly stepIds: readonly number[] }>
  /** For `on_product`, the jobs of what is new for many seasons at once, null where nothing is left to do; without it each is asked for alone. */
  createNew?(
    trx: Queryable,
    news: readonly (SeasonNews & AskedJob)[],
  ): Promise<readonly (InsertedJob | null)[]>
}

export type ScheduledProcessors = Readonly<Record<string, ScheduledProcessor>>

/** What a request for its jobs says of their deadline. */
export const deadlineOf = ({ deadlineH }: ScheduleRow) =>
  deadlineH === null ? {} : { deadline: { inS: deadlineH * 3600 } }

export const SCHEDULED: ScheduledProcessors = {
  l2a: {
    arguments: z.strictObject({}),
    window: () => Promise.resolve(null),
    seasonsWithNew: seasonsWithNewL1,
    create: async (trx, { schedule, createdBy }) =>
      createL2aJobRows(trx, {
        site: schedule.site,
        season: schedule.season,
        untried: true,
        priority: schedule.priority,
        ...deadlineOf(schedule),
        createdBy,
      }),
    createNew: createNewL2aJobs,
  },
  ndvi: {
    arguments: z.strictObject({}),
    window: () => Promise.resolve(null),
    seasonsWithNew: seasonsWithNewL2a,
    create: async (trx, { schedule, createdBy }) =>
      createNdviJobRows(trx, {
        site: schedule.site,
        season: schedule.season,
        untried: true,
        priority: schedule.priority,
        ...deadlineOf(schedule),
        createdBy,
      }),
    createNew: createNewNdviJobs,
  },
  composite: {
    arguments: z.strictObject({}),
    window: async (trx, schedule, day) => {
      if (schedule.repeat === 'on_product') return null
      const settings = await readSettings(trx)
      const half = settings.ofProcessor('composite', 'half_days', schedule.siteId, 25)
      const middle = dayNumber(dayOfMonthBefore(day))
      return { from: dayText(middle - half), to: dayText(middle + half) }
    },
    // What was never made has no id yet.
    seasonsWithNew: async (db) =>
      new Map([
        ...[...(await unmadeComposites(db)).keys()].map((season): [number, readonly number[]] => [
          season,
          [],
        ]),
        ...(await seasonsWithStaleComposites(db)),
      ]),
    create: async (trx, { schedule, days, createdBy }) => {
      const { site, siteId, season, seasonId, startsOn, endsOn, priority } = schedule
      const common = { site, season, priority, createdBy, untried: true, ...deadlineOf(schedule) }
      if (schedule.repeat !== 'on_product')
        return createCompositeJobRows(trx, { ...common, days: days.map(dayOfMonthBefore) })
      const unmade = (await unmadeComposites(trx, { siteId, season })).get(seasonId) ?? []
      const products = [...(await listStaleComposites(trx, null)), ...unmade]
      return createCompositeJobRows(trx, { ...common, products, from: startsOn, to: endsOn })
    },
  },
}

/** Throws NOT_FOUND naming those that there are. */
export function scheduledProcessor(
  name: string,
  processors: ScheduledProcessors = SCHEDULED,
): ScheduledProcessor {
  const found = Object.hasOwn(processors, name) ? processors[name] : undefined
  if (found === undefined)
    throw new ProcessingError(
      'NOT_FOUND',
      `No processor '${name}' can be scheduled; there is ${Object.keys(processors).join(', ')}.`,
    )
  return found
}

/** A schedule's arguments, defaults filled in. Throws BAD_ARGUMENT naming schedule and key. */
export function scheduleArguments(schedule: Pick<ScheduleRow, 'name' | 'processor'>, given: unknown) {
  const parsed = scheduledProcessor(schedule.processor).arguments.safeParse(given)
  if (parsed.success) return parsed.data
  throw new ProcessingError(
    'BAD_ARGUMENT',
    `Arguments of schedule '${schedule.name}': ${parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'all'}: ${message}`).join('; ')}.`,
  )
}
