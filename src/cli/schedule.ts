import type { Command } from 'commander'
import type { ScheduleChange, ScheduleView } from '../scheduler/schedules/manage.js'
import { numberIn, wholeNumberIn } from './numbers.js'
import { formatTable, printJson, withApp } from './queue-options.js'

interface EditOptions {
  readonly season?: string
  readonly every?: number
  readonly day?: number
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

export function register(program: Command): void {
  const schedule = program
    .command('schedule')
    .description('when processors run by themselves for the seasons of sites')
  registerShowing(schedule)
  registerEdit(schedule)
  for (const [name, paused] of [
    ['pause', true],
    ['resume', false],
  ] as const)
    schedule
      .command(name)
      .description(
        paused
          ? 'run it no more by itself; what is due waits'
          : 'run it again; days missed are caught up with by one run',
      )
      .argument('<site>', 'slug')
      .argument('<schedule>', 'its name')
      .option('--season <name>', 'where the site has several')
      .action(async (site: string, which: string, { season }: { season?: string }) =>
        withApp(async ({ db }) => {
          const { editSchedule } = await import('../scheduler/schedules/manage.js')
          const row = await editSchedule(db, named(site, which, season), { paused })
          process.stdout.write(
            `schedule ${row.name} of ${site} ${row.season} ${paused ? 'is paused' : 'goes on'}\n`,
          )
        }),
      )
  schedule
    .command('run-now')
    .description('make its job now, with the inputs that there are; its own days stay due')
    .argument('<site>', 'slug')
    .argument('<schedule>', 'its name')
    .option('--season <name>', 'where the site has several')
    .option('--json', 'print JSON')
    .action(async (site: string, which: string, { season, json }: { season?: string; json?: boolean }) =>
      withApp(async ({ db }) => {
        const { runScheduleNow } = await import('../scheduler/schedules/manage.js')
        const { userName } = await import('./user-name.js')
        const { jobId, steps } = await runScheduleNow(db, named(site, which, season), userName())
        if (json) printJson({ jobId, steps })
        else
          process.stdout.write(
            jobId === null ? 'nothing to do\n' : `job ${jobId} with ${steps} steps; \`tilth up\` runs it\n`,
          )
      }),
    )
  registerClock(schedule)
}

function registerShowing(schedule: Command): void {
  schedule
    .command('list')
    .description('schedules with their next day, what they wait for and what they did last')
    .argument('[site]', 'slug (default: all sites)')
    .option('--season <name>', 'only of this season')
    .option('--json', 'print JSON')
    .action(async (site: string | undefined, { season, json }: { season?: string; json?: boolean }) =>
      withApp(async ({ db }) => {
        const { viewSchedules } = await import('../scheduler/schedules/manage.js')
        const rows = await viewSchedules(db, {
          ...(site === undefined ? {} : { site }),
          ...(season === undefined ? {} : { season }),
        })
        if (json) printJson(rows)
        else
          process.stdout.write(
            formatTable(
              ['SITE', 'SEASON', 'SCHEDULE', 'REPEATS', 'NEXT', 'STATE'],
              rows.map((row) => [row.site, row.season, row.name, repeats(row), nextOf(row), stateOf(row)]),
            ),
          )
      }),
    )
  schedule
    .command('show')
    .description('one schedule with its rule and its last 20 runs')
    .argument('<site>', 'slug')
    .argument('<schedule>', 'its name')
    .option('--season <name>', 'where the site has several')
    .option('--json', 'print JSON')
    .action(async (site: string, which: string, { season, json }: { season?: string; json?: boolean }) =>
      withApp(async ({ db }) => {
        const { showSchedule, viewSchedules } = await import('../scheduler/schedules/manage.js')
        const { schedule: row, runs } = await showSchedule(db, named(site, which, season))
        const view = (await viewSchedules(db, { site, season: row.season })).find(({ id }) => id === row.id)
        if (view === undefined) return
        if (json) {
          printJson({ ...view, runs })
          return
        }
        process.stdout.write(
          `schedule ${view.name} of ${view.site} ${view.season}: ${view.processor}, ${repeats(view)}\n`,
        )
        process.stdout.write(
          `  from ${view.first} to ${view.last} at ${view.atTime} ${view.timeZone}; next ${nextOf(view)}\n`,
        )
        process.stdout.write(
          `  waits up to ${view.waitDays} days for inputs, looks again after ${view.retryS} s; priority ${view.priority}; deadline ${view.deadlineH === null ? 'none' : `${view.deadlineH} h`}; arguments ${JSON.stringify(view.arguments)}\n`,
        )
        process.stdout.write(`  ${stateOf(view)}\n`)
        for (const input of view.waitsFor) process.stdout.write(`    ${input}\n`)
        process.stdout.write(
          formatTable(
            ['RUN AT', 'FOR', 'BY', 'JOB', 'STEPS', 'WITHOUT'],
            runs.map((run) => [
              run.at.toISOString().slice(0, 19).replace('T', ' '),
              run.dueOn === null
                ? '-'
                : `${run.dueOn}${run.caughtUp > 0 ? ` and ${run.caughtUp} days before` : ''}`,
              run.by,
              run.jobId === null ? '-' : String(run.jobId),
              String(run.steps),
              run.missing.join('; '),
            ]),
          ),
        )
      }),
    )
}

function registerEdit(schedule: Command): void {
  const day = /^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$/
  schedule
    .command('edit')
    .description('change when or with what a schedule runs')
    .argument('<site>', 'slug')
    .argument('<schedule>', 'its name')
    .option('--season <name>', 'where the site has several')
    .option('--every <days>', 'of cyclic ones: days from run to run', wholeNumberIn(1, 3660))
    .option('--day <day>', 'of those on a date: day of the month, 31 = its last', wholeNumberIn(1, 31))
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
    .action(async (site: string, which: string, options: EditOptions) => {
      const { ProcessingError } = await import('../domain/errors.js')
      if (options.at !== undefined && !day.test(options.at))
        throw new ProcessingError('BAD_ARGUMENT', `--at: expected HH:MM, found '${options.at}'.`)
      const change: ScheduleChange = {
        ...(options.every === undefined ? {} : { everyDays: options.every }),
        ...(options.day === undefined ? {} : { monthDay: options.day }),
        ...(options.firstOffset === undefined ? {} : { firstOffsetDays: options.firstOffset }),
        ...(options.lastOffset === undefined ? {} : { lastOffsetDays: options.lastOffset }),
        ...(options.at === undefined ? {} : { atTime: options.at }),
        ...(options.zone === undefined ? {} : { timeZone: options.zone }),
        ...(options.wait === undefined ? {} : { waitDays: options.wait }),
        ...(options.retry === undefined ? {} : { retryS: options.retry }),
        ...(options.priority === undefined ? {} : { priority: options.priority }),
        ...(options.deadline === undefined ? {} : { deadlineH: options.deadline }),
        ...(options.arguments === undefined ? {} : { arguments: parseArguments(options.arguments) }),
      }
      if (Object.keys(change).length === 0)
        throw new ProcessingError('BAD_ARGUMENT', 'Say what to change; see `tilth schedule edit --help`.')
      await withApp(async ({ db }) => {
        const { editSchedule } = await import('../scheduler/schedules/manage.js')
        const row = await editSchedule(db, named(site, which, options.season), change)
        if (options.json) printJson(row)
        else
          process.stdout.write(
            `schedule ${row.name} of ${site} ${row.season}: ${repeats(row)} at ${row.atTime} ${row.timeZone}\n`,
          )
      })
      function parseArguments(text: string): unknown {
        try {
          return JSON.parse(text)
        } catch (cause) {
          throw new ProcessingError('BAD_ARGUMENT', `--arguments: expected a JSON object, found '${text}'.`, {
            cause,
          })
        }
      }
    })
}

function registerClock(schedule: Command): void {
  schedule
    .command('clock')
    .description(
      'the time by which schedules are due; another one than the real is for demonstrations and tests',
    )
    .option('--at <time>', 'set it, ISO 8601, e.g. 2025-03-01T00:00Z')
    .option('--speed <s>', 'seconds of it in a real second; 0 stops it', numberIn(0, 1e8, 's'))
    .option('--real', 'the real time again', false)
    .option('--json', 'print JSON')
    .action(
      async ({ at, speed, real, json }: { at?: string; speed?: number; real: boolean; json?: boolean }) => {
        const { ProcessingError } = await import('../domain/errors.js')
        if (real && (at !== undefined || speed !== undefined))
          throw new ProcessingError('BAD_ARGUMENT', '--real goes with neither --at nor --speed.')
        if (at !== undefined && Number.isNaN(Date.parse(at)))
          throw new ProcessingError(
            'BAD_ARGUMENT',
            `--at: expected a time such as 2025-03-01T00:00Z, found '${at}'.`,
          )
        await withApp(async ({ db }) => {
          const { moveClock } = await import('../scheduler/schedules/clock.js')
          const clock = await moveClock(db, {
            ...(at === undefined ? {} : { at: new Date(at) }),
            ...(speed === undefined ? {} : { speed }),
            real,
          })
          if (json) printJson(clock)
          else
            process.stdout.write(
              `${clock.now.toISOString()}, ${clock.speed === null ? 'the real time' : `${clock.speed} s in a real second`}\n`,
            )
        })
      },
    )
}

const named = (site: string, name: string, season: string | undefined) => ({
  site,
  name,
  ...(season === undefined ? {} : { season }),
})

function repeats(row: Pick<ScheduleView, 'repeat' | 'everyDays' | 'monthDay'>): string {
  switch (row.repeat) {
    case 'once':
      return 'once'
    case 'cyclic':
      return `every ${row.everyDays ?? 1} days`
    case 'on_date':
      return row.monthDay === 31 ? 'on the last of each month' : `on day ${row.monthDay ?? 1} of each month`
    case 'on_product':
      return 'whenever there is something new'
  }
}

const nextOf = ({ due, next, repeat, first, last, localNow }: ScheduleView): string =>
  due.length > 0
    ? `due since ${due[0] ?? ''}${due.length > 1 ? ` (${due.length} days)` : ''}`
    : repeat === 'on_product'
      ? localNow.slice(0, 10) < first
        ? first
        : localNow.slice(0, 10) > last
          ? '-'
          : 'any time'
      : (next ?? '-')

function stateOf(row: ScheduleView): string {
  if (row.paused) return 'paused'
  if (row.siteIsPaused) return 'its site is paused'
  if (row.seasonIsPaused) return 'its season is paused'
  if (row.errorCode !== null) return `${row.errorCode}: ${row.note ?? ''}`
  return row.note ?? 'has not run'
}
