import type { ScheduleChange } from '../../db/schedules/write-schedule.js'
import { ProcessingError } from '../../domain/errors.js'
import type { ScheduleRule } from '../../domain/schedule-rule.js'
import { parseArguments } from './schedule-arguments.js'
import { scheduledProcessor } from './scheduled-processor.js'

/** What a change is checked against, of a schedule or of a default. */
type Changed = Pick<ScheduleRule, 'repeat' | 'everyDays' | 'monthDay'> & {
  readonly name: string
  readonly processor: string
  readonly arguments: unknown
}

/**
 * Throws BAD_ARGUMENT where a schedule would be one that there cannot be: without what its kind of repeat needs, with what only another has, in no time zone, or with
 * arguments that its processor does not take, all as they are after the change.
 */
export function checkChange(schedule: Changed, change: ScheduleChange): void {
  const { name, processor } = schedule
  const { everyDays, monthDay, timeZone } = change
  const repeat = change.repeat ?? schedule.repeat
  const onlyOf = (option: string, kind: string) =>
    new ProcessingError(
      'BAD_ARGUMENT',
      `${option} is for schedules that repeat ${kind}; '${name}' ${change.repeat === undefined ? 'repeats' : 'would repeat'} ${repeat}.`,
    )
  if (everyDays !== undefined && repeat !== 'cyclic') throw onlyOf('--every', 'cyclic')
  if (monthDay !== undefined && repeat !== 'on_date') throw onlyOf('--day', 'on_date')
  const needs = (option: string) =>
    new ProcessingError('BAD_ARGUMENT', `To repeat ${repeat}, '${name}' needs ${option} too.`)
  if (repeat === 'cyclic' && (everyDays ?? schedule.everyDays) === null)
    throw needs('--every, the days from run to run,')
  if (repeat === 'on_date' && (monthDay ?? schedule.monthDay) === null)
    throw needs('--day, the day of the month,')
  if (timeZone !== undefined && !isTimeZone(timeZone))
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `'${timeZone}' is no time zone of the IANA database, such as Europe/Paris or UTC.`,
    )
  if (change.arguments !== undefined || change.repeat !== undefined)
    parseArguments(
      scheduledProcessor(processor).arguments(repeat),
      schedule,
      change.arguments === undefined ? schedule.arguments : change.arguments,
    )
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    // Offsets such as +02:00 are taken by Intl, and read the other way round by Postgres.
    return /^[A-Za-z]/.test(name)
  } catch {
    return false
  }
}
