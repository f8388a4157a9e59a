import { listSchedules, type ScheduleRow } from '../../db/schedules/list-schedules.js'
import type { Queryable } from '../../db/steps/queryable.js'
import { composite } from '../../processors/composite/definition.js'
import { givenParams } from '../../processors/define-processor.js'
import { parseArguments, type ReadySchedule, type ScheduleParameters } from './schedule-arguments.js'

/** Of schedules that make the composites of days. */
export const COMPOSITE_ARGUMENTS = givenParams(composite)
/** Of those that make composites again: the window of each is in its name. */
export const RENEWAL_ARGUMENTS = COMPOSITE_ARGUMENTS.omit({ half_days: true })

/** Half of the window that a schedule of days gives its composites; undefined where it gives none, or could not run with its arguments. */
export function halfDaysGiven(schedule: ScheduleRow): number | undefined {
  const half: unknown = COMPOSITE_ARGUMENTS.safeParse(schedule.arguments).data?.['half_days']
  return typeof half === 'number' ? half : undefined
}

/** What composites that are made again are given: as those of their season's days, unless the schedule that makes them again says otherwise. */
export async function renewalParameters(
  trx: Queryable,
  schedule: ReadySchedule,
): Promise<ScheduleParameters> {
  const { siteId, season, processor } = schedule
  const ofDays = (await listSchedules(trx, { siteId, season, processor })).filter(
    ({ repeat }) => repeat !== 'on_product',
  )
  const given = ofDays.map((one) => parseArguments(COMPOSITE_ARGUMENTS, one, one.arguments))
  return Object.assign({}, ...given, schedule.parameters) as ScheduleParameters
}
