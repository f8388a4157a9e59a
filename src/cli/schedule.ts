import type { Command } from 'commander'
import type { App } from '../app.js'
import { numberIn } from './numbers.js'
import { formatTable, printJson, withApp } from './queue-options.js'
import { registerEdit } from './schedule/edit.js'
import { named, nextOf, repeats, spanOf, stateOf } from './schedule/format.js'

interface ListOptions {
  readonly season?: string
  readonly defaults?: boolean
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
    .description(
      'make its job now for the days that are due, else for the latest, with the inputs that there are; its days stay due',
    )
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
    .option('--defaults', 'what each new season gets instead')
    .option('--json', 'print JSON')
    .action(async (site: string | undefined, options: ListOptions) => {
      if (options.defaults === true && (site ?? options.season) !== undefined) {
        const { ProcessingError } = await import('../domain/errors.js')
        throw new ProcessingError('BAD_ARGUMENT', '--defaults are of no site and no season.')
      }
      await withApp(async ({ db }) =>
        options.defaults === true ? listDefaults(db, options) : listOf(db, site, options),
      )
    })
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
          `  from ${view.first} to ${view.last} (${spanOf(view)}) at ${view.atTime} ${view.timeZone}; next ${nextOf(view)}\n`,
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

async function listOf(db: App['db'], site: string | undefined, { season, json }: ListOptions): Promise<void> {
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
}

async function listDefaults(db: App['db'], { json }: ListOptions): Promise<void> {
  const { viewDefaults } = await import('../scheduler/schedules/defaults.js')
  const rows = await viewDefaults(db)
  if (json) printJson(rows)
  else
    process.stdout.write(
      formatTable(
        ['SCHEDULE', 'PROCESSOR', 'REPEATS', 'FROM', 'ARGUMENTS', 'FOR'],
        rows.map((row) => [
          ...[row.name, row.processor, repeats(row), spanOf(row), JSON.stringify(row.arguments), row.doc],
        ]),
      ),
    )
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
