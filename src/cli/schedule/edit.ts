import { InvalidArgumentError, type Command } from 'commander'
import {
  SCHEDULE_BASES,
  SCHEDULE_REPEATS,
  type ScheduleBase,
  type ScheduleRepeat,
} from '../../domain/schedule-rule.js'
import type { ScheduleChange } from '../../scheduler/schedules/manage.js'
import { wholeNumberIn } from '../numbers.js'
import { printJson, withApp } from '../queue-options.js'
import { named, repeats, spanOf } from './format.js'

interface EditOptions {
  readonly season?: string
  readonly defaults?: boolean
  readonly repeat?: ScheduleRepeat
  readonly every?: number
  readonly day?: number
  readonly base?: ScheduleBase
  readonly firstOffset?: number
  readonly lastOffset?: number
  readonly at?: string
  readonly zone?: string
  readonly wait?: number
  readonly retry?: number
  readonly priority?: number
  readonly deadline?: number
  readonly arguments?: string
  readonly json?: boolean
}

type Refuse = (words: string, cause?: unknown) => Error

/** One of some words; `on-date` is taken for `on_date`. */
const oneOf =
  <T extends string>(words: readonly T[]) =>
  (text: string): T => {
    const found = words.find((word) => word === text.replaceAll('-', '_'))
    if (found === undefined)
      throw new InvalidArgumentError(`expected one of ${words.join(', ')}, found '${text}'`)
    return found
  }

export function registerEdit(schedule: Command): void {
  schedule
    .command('edit')
    .description('change when or with what a schedule runs, or with --defaults what new seasons get')
    .argument('<site>', 'slug; with --defaults left out')
    .argument('[schedule]', 'its name')
    .option('--season <name>', 'where the site has several')
    .option('--defaults', 'what each season gets that is made from now on')
    .option(
      '--repeat <kind>',
      `${SCHEDULE_REPEATS.join(', ')}: cyclic needs --every, on_date needs --day`,
      oneOf(SCHEDULE_REPEATS),
    )
    .option('--every <days>', 'of cyclic ones: days from run to run', wholeNumberIn(1, 3660))
    .option('--day <day>', 'of those on a date: day of the month, 31 = its last', wholeNumberIn(1, 31))
    .option(
      '--base <day>',
      `${SCHEDULE_BASES.join(', ')}: the day of the season that --first-offset counts from`,
      oneOf(SCHEDULE_BASES),
    )
    .option(
      '--first-offset <days>',
      'no run before so many days after its day of the season',
      wholeNumberIn(-3660, 3660),
    )
    .option(
      '--last-offset <days>',
      "none later than so many days after the season's end",
      wholeNumberIn(-3660, 3660),
    )
    .option('--at <time>', 'time of day, HH:MM, in its zone')
    .option('--zone <name>', 'time zone of the IANA database, e.g. Europe/Paris')
    .option(
      '--wait <days>',
      'how long it waits for missing inputs before it runs without them',
      wholeNumberIn(0, 3660),
    )
    .option('--retry <s>', 'seconds until it looks again', wholeNumberIn(1, 31_536_000))
    .option('--priority <n>', 'of its jobs, lower first', wholeNumberIn(-1_000_000, 1_000_000))
    .option(
      '--deadline <h>',
      'of its jobs: hours from their making within which they should be done; 0: none',
      wholeNumberIn(0, 87_600),
    )
    .option(
      '--arguments <json>',
      `parameters of its processor, which win over the settings; they replace those that it had: '{"half_days": 10}', none: '{}'`,
    )
    .option('--json', 'print JSON')
    .action(async (first: string, second: string | undefined, options: EditOptions) => {
      const { ProcessingError } = await import('../../domain/errors.js')
      const refuse: Refuse = (words, cause) => new ProcessingError('BAD_ARGUMENT', words, { cause })
      const change = changeOf(options, refuse)
      if (Object.keys(change).length === 0)
        throw refuse('Say what to change; see `tilth schedule edit --help`.')
      if (options.defaults === true && (second ?? options.season) !== undefined)
        throw refuse('--defaults are of no site and no season: `tilth schedule edit --defaults SCHEDULE`.')
      if (options.defaults !== true && second === undefined)
        throw refuse('Say which: `tilth schedule edit SITE SCHEDULE`.')
      await withApp(async ({ db }) => {
        const { editSchedule } = await import('../../scheduler/schedules/manage.js')
        const { editDefault } = await import('../../scheduler/schedules/defaults.js')
        const row =
          second === undefined
            ? await editDefault(db, first, change)
            : await editSchedule(db, named(first, second, options.season), change)
        const whose = 'season' in row ? `of ${row.site} ${row.season}` : 'of new seasons'
        if (options.json) printJson(row)
        else
          process.stdout.write(
            `schedule ${row.name} ${whose}: ${repeats(row)}, ${spanOf(row)}, at ${row.atTime} ${row.timeZone}\n`,
          )
      })
    })
}

function changeOf(options: EditOptions, refuse: Refuse): Omit<ScheduleChange, 'paused'> {
  if (options.at !== undefined && !/^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$/.test(options.at))
    throw refuse(`--at: expected HH:MM, found '${options.at}'.`)
  return {
    ...(options.repeat === undefined ? {} : { repeat: options.repeat }),
    ...(options.every === undefined ? {} : { everyDays: options.every }),
    ...(options.day === undefined ? {} : { monthDay: options.day }),
    ...(options.base === undefined ? {} : { firstBase: options.base }),
    ...(options.firstOffset === undefined ? {} : { firstOffsetDays: options.firstOffset }),
    ...(options.lastOffset === undefined ? {} : { lastOffsetDays: options.lastOffset }),
    ...(options.at === undefined ? {} : { atTime: options.at }),
    ...(options.zone === undefined ? {} : { timeZone: options.zone }),
    ...(options.wait === undefined ? {} : { waitDays: options.wait }),
    ...(options.retry === undefined ? {} : { retryS: options.retry }),
    ...(options.priority === undefined ? {} : { priority: options.priority }),
    ...(options.deadline === undefined ? {} : { deadlineH: options.deadline }),
    ...(options.arguments === undefined ? {} : { arguments: parseJson(options.arguments, refuse) }),
  }
}

function parseJson(text: string, refuse: Refuse): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw refuse(`--arguments: expected a JSON object, found '${text}'.`, cause)
  }
}
