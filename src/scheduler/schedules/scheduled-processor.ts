import type { z } from 'zod'
import type { InsertedJob } from '../../db/jobs/insert-job.js'
import type { ScheduleRow } from '../../db/schedules/list-schedules.js'
import type { NewsBySeason } from '../../db/schedules/seasons-of.js'
import { seasonsWithNewL1 } from '../../db/schedules/seasons-with-new-l1.js'
import { seasonsWithStaleComposites } from '../../db/schedules/seasons-with-stale-composites.js'
import { seasonsWithNewL2a } from '../../db/schedules/seasons-with-new-l2a.js'
import type { Queryable } from '../../db/steps/queryable.js'
import { dayNumber, dayText } from '../../domain/calendar-day.js'
import { ProcessingError } from '../../domain/errors.js'
import { dayOfMonthBefore, type ScheduleRepeat } from '../../domain/schedule-rule.js'
import { listStaleComposites } from '../../db/jobs/list-composite-inputs.js'
import { givenParams } from '../../processors/define-processor.js'
import { l2a } from '../../processors/l2a/definition.js'
import { ndvi } from '../../processors/ndvi/definition.js'
import { createCompositeJobRows } from '../consumers/create-composite-job.js'
import { createNdviJobRows, createNewNdviJobs } from '../consumers/create-ndvi-job.js'
import { createL2aJobRows, createNewL2aJobs } from '../create-l2a-job.js'
import type { AskedNews } from '../given-parameters.js'
import { readSettings } from '../settings-in-force.js'
import {
  COMPOSITE_ARGUMENTS,
  halfDaysGiven,
  RENEWAL_ARGUMENTS,
  renewalParameters,
} from './composite-arguments.js'
import { givenBy, parseArguments, type ReadySchedule } from './schedule-arguments.js'
import { unmadeComposites } from './unmade-composites.js'

/** One run that a schedule asks for. */
export interface RunRequest {
  readonly schedule: ReadySchedule
  /** Days that the run answers, in order, YYYY-MM-DD; for `on_product` the present day of the schedule's zone. */
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
  /** What `arguments` of a schedule may give: parameters, none of them required. */
  arguments(repeat: ScheduleRepeat): z.ZodObject
  /** L2A of which days a run for `day` reads; null: it takes what there is and never waits. */
  window(trx: Queryable, schedule: ReadySchedule, day: string): Promise<InputWindow | null>
  /** Seasons with something new, and what it is, for `on_product`. */
  seasonsWithNew(db: Queryable): Promise<NewsBySeason>
  /** Makes the job, or none where nothing is to be done, within the caller's transaction. */
  create(
    trx: Queryable,
    request: RunRequest,
  ): Promise<{ readonly jobId: number | null; readonly stepIds: readonly number[] }>
  /** For `on_product`, the jobs of what is new for many seasons at once, null where nothing is left to do; without it each is asked for alone. */
  createNew?(trx: Queryable, news: readonly AskedNews[]): Promise<readonly (InsertedJob | null)[]>
}

export type ScheduledProcessors = Readonly<Record<string, ScheduledProcessor>>

/** What a request for its jobs says of their deadline and parameters. */
export const askedBy = (schedule: ReadySchedule) => ({
  ...(schedule.deadlineH === null ? {} : { deadline: { inS: schedule.deadlineH * 3600 } }),
  ...givenBy(schedule),
})

const L2A_ARGUMENTS = givenParams(l2a)
const NDVI_ARGUMENTS = givenParams(ndvi)

export const SCHEDULED: ScheduledProcessors = {
  l2a: {
    arguments: () => L2A_ARGUMENTS,
    window: () => Promise.resolve(null),
    seasonsWithNew: seasonsWithNewL1,
    create: async (trx, { schedule, createdBy }) =>
      createL2aJobRows(trx, {
        site: schedule.site,
        season: schedule.season,
        untried: true,
        priority: schedule.priority,
        ...askedBy(schedule),
        createdBy,
      }),
    createNew: createNewL2aJobs,
  },
  ndvi: {
    arguments: () => NDVI_ARGUMENTS,
    window: () => Promise.resolve(null),
    seasonsWithNew: seasonsWithNewL2a,
    create: async (trx, { schedule, createdBy }) =>
      createNdviJobRows(trx, {
        site: schedule.site,
        season: schedule.season,
        untried: true,
        priority: schedule.priority,
        ...askedBy(schedule),
        createdBy,
      }),
    createNew: createNewNdviJobs,
  },
  composite: {
    arguments: (repeat) => (repeat === 'on_product' ? RENEWAL_ARGUMENTS : COMPOSITE_ARGUMENTS),
    window: async (trx, schedule, day) => {
      if (schedule.repeat === 'on_product') return null
      const settings = await readSettings(trx)
      const ofSite = settings.ofProcessor('composite', 'half_days', schedule.siteId, 25)
      const half = halfDaysGiven(schedule) ?? ofSite
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
      const common = { site, season, priority, createdBy, untried: true, ...askedBy(schedule) }
      if (schedule.repeat !== 'on_product')
        return createCompositeJobRows(trx, { ...common, days: days.map(dayOfMonthBefore) })
      const unmade = (await unmadeComposites(trx, { siteId, season })).get(seasonId) ?? []
      const products = [...(await listStaleComposites(trx, null)), ...unmade]
      const parameters = await renewalParameters(trx, schedule)
      return createCompositeJobRows(trx, { ...common, products, parameters, from: startsOn, to: endsOn })
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

/** The schedule with its arguments checked. Throws BAD_ARGUMENT naming schedule and key. */
export const withParameters = (schedule: ScheduleRow, processor: ScheduledProcessor): ReadySchedule => ({
  ...schedule,
  parameters: parseArguments(processor.arguments(schedule.repeat), schedule, schedule.arguments),
})
