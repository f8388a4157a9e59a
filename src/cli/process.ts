import { InvalidArgumentError, Option, type Command } from 'commander'
import { resolve } from 'node:path'
import { userInfo } from 'node:os'
import { isCalendarDay } from '../domain/calendar-day.js'
import { AEROSOL_MODELS } from '../processors/l2a/definition.js'
import { finiteNumber, positiveInteger } from './numbers.js'
import { printJson, tellTilesWithoutInput, withApp } from './queue-options.js'

const day = (text: string): string => {
  if (!isCalendarDay(text))
    throw new InvalidArgumentError(`expected an existing day YYYY-MM-DD, found '${text}'`)
  return text
}

interface Options {
  site?: string
  processor: string
  season?: string
  from?: string
  to?: string
  tile?: string[]
  acquisition?: string[]
  aot?: number
  wv?: number
  ozone?: number
  aerosol?: string
  dem?: string
  stale?: boolean
  force: boolean
  priority: number
  json?: boolean
}

export function register(program: Command): void {
  program
    .command('process')
    .description('make a job: one step for each present acquisition of a site; `tilth up` runs it')
    .option('--site <slug>', 'acquisitions of its enabled tiles')
    .addOption(new Option('--processor <name>', 'what to run').choices(['l2a']).default('l2a'))
    .option('--season <name>', 'only acquisitions within this season of the site')
    .option('--from <date>', 'only from this day on, UTC', day)
    .option('--to <date>', 'only up to this day, UTC, included', day)
    .option('--tile <names...>', 'only these tiles')
    .option('--acquisition <ids...>', 'only these acquisitions; needs no site')
    .option(
      '--aot <n>',
      'aerosol optical thickness at 550 nm [1] (default: setting processor.l2a.aot)',
      finiteNumber,
    )
    .option('--wv <n>', 'water vapour column [g/cm2] (default: setting processor.l2a.wv)', finiteNumber)
    .option('--ozone <n>', 'ozone column [DU] (default: setting processor.l2a.ozone)', finiteNumber)
    .addOption(new Option('--aerosol <model>', 'aerosol model').choices(AEROSOL_MODELS))
    .option('--dem <file>', 'elevation raster, heights in m above EGM2008 (default: sea level)')
    .option('--stale', 'only where the product is stale: it is made again from what is newest; needs no site')
    .option('--force', 'also where the product exists with the same parameters', false)
    .option('--priority <n>', 'lower runs first', positiveInteger, 100)
    .option('--json', 'print JSON')
    .action(async (options: Options) =>
      withApp(async ({ db }) => {
        const { createL2aJob } = await import('../scheduler/create-l2a-job.js')
        const { aot, wv, ozone, aerosol } = options
        const dem = options.dem === undefined ? undefined : resolve(options.dem)
        const parameters = Object.fromEntries(
          Object.entries({ aot, wv, ozone, aerosol, dem }).filter(([, value]) => value !== undefined),
        )
        const planned = await createL2aJob(db, {
          ...(options.site === undefined ? {} : { site: options.site }),
          ...(options.season === undefined ? {} : { season: options.season }),
          ...(options.from === undefined ? {} : { from: options.from }),
          ...(options.to === undefined ? {} : { to: options.to }),
          ...(options.tile === undefined ? {} : { tiles: options.tile }),
          ...(options.acquisition === undefined
            ? {}
            : { acquisitionIds: options.acquisition.map(positiveInteger) }),
          ...(options.stale === true ? { stale: true } : {}),
          parameters,
          force: options.force,
          priority: options.priority,
          createdBy: `cli ${userInfo().username}`,
        })
        if (options.json) {
          printJson(planned)
          return
        }
        for (const { acquisitionId, tile, reason } of planned.skipped)
          process.stderr.write(`skipped acquisition ${acquisitionId} (${tile}): ${reason}\n`)
        tellTilesWithoutInput(planned)
        process.stdout.write(
          planned.jobId === null
            ? planned.skipped.length + planned.tilesWithoutInput.length > 0
              ? 'nothing to do\n'
              : 'nothing to do: no present acquisition fits; see `tilth acquisitions`\n'
            : `job ${planned.jobId}: ${planned.stepIds.length} steps; \`tilth up\` runs them\n`,
        )
      }),
    )
}
