import { InvalidArgumentError, Option, type Command } from 'commander'
import { userInfo } from 'node:os'
import { resolve } from 'node:path'
import type { App } from '../app.js'
import { isCalendarDay } from '../domain/calendar-day.js'
import { parseDeadline, type Deadline } from '../domain/deadline.js'
import { ENGINES } from '../processors/l2a/definition.js'
import type { CreatedConsumer } from '../scheduler/consumers/consumer-request.js'
import { aerosolMix, autoOr, finiteNumber, positiveInteger, wholeNumberIn } from './numbers.js'
import { printJson, tellTilesWithoutInput, withApp } from './queue-options.js'

const day = (text: string): string => {
  if (!isCalendarDay(text))
    throw new InvalidArgumentError(`expected an existing day YYYY-MM-DD, found '${text}'`)
  return text
}

/** What `process` runs, and the options that only some of them have; any other says that it does not fit. */
const OPTIONS_OF = {
  l2a: ['acquisition', 'engine', 'aot', 'wv', 'ozone', 'aerosol', 'dem'],
  ndvi: ['product', 'minSum'],
  composite: ['product', 'date', 'half', 'weightDateMin'],
} as const
type Processor = keyof typeof OPTIONS_OF

interface Options {
  site?: string
  processor: Processor
  season?: string
  from?: string
  to?: string
  tile?: string[]
  acquisition?: string[]
  product?: string[]
  engine?: string
  aot?: number | 'auto'
  wv?: number | 'auto'
  ozone?: number | 'auto'
  aerosol?: string
  dem?: string
  minSum?: number
  date?: string[]
  half?: number
  weightDateMin?: number
  stale?: boolean
  force: boolean
  priority: number
  deadline?: Deadline
  json?: boolean
}

export function register(program: Command): void {
  program
    .command('process')
    .description(
      'make a job: one step for each present acquisition of a site, or for what is made of its products; `tilth up` runs it',
    )
    .option('--site <slug>', 'what lies in its enabled tiles')
    .addOption(
      new Option('--processor <name>', 'what to run').choices(Object.keys(OPTIONS_OF)).default('l2a'),
    )
    .option('--season <name>', 'only what was sensed within this season of the site')
    .option('--from <date>', 'only from this day on, UTC', day)
    .option('--to <date>', 'only up to this day, UTC, included', day)
    .option('--tile <names...>', 'only these tiles')
    .option('--acquisition <ids...>', 'l2a: only these acquisitions; needs no site')
    .option(
      '--product <names...>',
      'ndvi: only of these L2A products, or these L3B products; composite: only these L3A products; needs no site',
    )
    .option(
      '--date <days...>',
      'composite: synthesis days YYYY-MM-DD (default: the 15th of each month of the season, or from --from to --to)',
    )
    .option(
      '--half <days>',
      'composite: half of the window, 1..183 days (default: setting processor.composite.half_days)',
      wholeNumberIn(1, 183),
    )
    .option(
      '--weight-date-min <n>',
      'composite: weight at the edge of the window, 0.01..1 (default: setting processor.composite.weight_date_min)',
      finiteNumber,
    )
    .addOption(
      new Option(
        '--engine <name>',
        'l2a: who corrects, Sen2Cor and MAJA where the machine has them (default: setting processor.l2a.engine)',
      ).choices(ENGINES),
    )
    .option(
      '--aot <n>',
      'l2a: aerosol optical thickness at 550 nm [1], or auto (default: setting processor.l2a.aot)',
      autoOr(finiteNumber),
    )
    .option(
      '--wv <n>',
      'l2a: water vapour column [g/cm2], or auto (default: setting processor.l2a.wv)',
      autoOr(finiteNumber),
    )
    .option(
      '--ozone <n>',
      'l2a: ozone column [DU], or auto (default: setting processor.l2a.ozone)',
      autoOr(finiteNumber),
    )
    .option(
      '--aerosol <mix>',
      'l2a: aerosol model, a mix such as continental:0.7,maritime:0.3, or auto (default: setting processor.l2a.aerosol)',
      autoOr(aerosolMix),
    )
    .option('--dem <file>', 'l2a: elevation raster, heights in m above EGM2008 (default: sea level)')
    .option(
      '--min-sum <n>',
      'ndvi: red + near infrared below this is no-data [1] (default: setting processor.ndvi.min_sum)',
      finiteNumber,
    )
    .option('--stale', 'only where the product is stale: it is made again from what is newest; needs no site')
    .option('--force', 'also where the product exists with the same parameters', false)
    .option('--priority <n>', 'lower runs first', positiveInteger, 100)
    .option(
      '--deadline <when>',
      'when it should be done: a time with its zone (2026-05-01T12:00Z) or from now (90min, 36h, 3d); it is favoured as that comes near',
      (text) => parseDeadline(text),
    )
    .option('--json', 'print JSON')
    .action(async (options: Options, command: Command) => {
      refuseForeignOptions(options.processor, command)
      await withApp(async ({ db }) => {
        if (options.processor === 'l2a') await processL2a(db, options)
        else await processProducts(db, options)
      })
    })
}

/** An option of another processor would be without effect. */
function refuseForeignOptions(processor: Processor, command: Command): void {
  const own: readonly string[] = OPTIONS_OF[processor]
  for (const [other, names] of Object.entries(OPTIONS_OF))
    for (const name of names)
      if (!own.includes(name) && command.getOptionValueSource(name) === 'cli')
        throw new InvalidArgumentError(
          `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} is of --processor ${other}, not of ${processor}`,
        )
}

const defined = (values: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))

/** What requests of all processors have in common. */
const commonOf = ({ site, season, from, to, tile: tiles, stale, force, priority, deadline }: Options) => ({
  ...(site === undefined ? {} : { site }),
  ...(season === undefined ? {} : { season }),
  ...(from === undefined ? {} : { from }),
  ...(to === undefined ? {} : { to }),
  ...(tiles === undefined ? {} : { tiles }),
  ...(stale === true ? { stale } : {}),
  ...(deadline === undefined ? {} : { deadline }),
  ...{ force, priority, createdBy: `cli ${userInfo().username}` },
})

async function processL2a(db: App['db'], options: Options): Promise<void> {
  const { createL2aJob } = await import('../scheduler/create-l2a-job.js')
  const { engine, aot, wv, ozone, aerosol, acquisition } = options
  const dem = options.dem === undefined ? undefined : resolve(options.dem)
  const planned = await createL2aJob(db, {
    ...commonOf(options),
    ...(acquisition === undefined ? {} : { acquisitionIds: acquisition.map(positiveInteger) }),
    parameters: defined({ engine, aot, wv, ozone, aerosol, dem }),
  })
  const skipped = planned.skipped.map(
    ({ acquisitionId, tile, reason }) => `acquisition ${acquisitionId} (${tile}): ${reason}`,
  )
  tellJob(planned, skipped, options, 'no present acquisition fits; see `tilth acquisitions`')
}

async function createProductsJob(db: App['db'], options: Options): Promise<CreatedConsumer> {
  const { product: products, date: days, half, weightDateMin, minSum } = options
  const common = { ...commonOf(options), ...(products === undefined ? {} : { products }) }
  if (options.processor === 'ndvi') {
    const { createNdviJob } = await import('../scheduler/consumers/create-ndvi-job.js')
    return createNdviJob(db, { ...common, parameters: defined({ min_sum: minSum }) })
  }
  const { createCompositeJob } = await import('../scheduler/consumers/create-composite-job.js')
  return createCompositeJob(db, {
    ...common,
    ...(days === undefined ? {} : { days }),
    parameters: defined({ half_days: half, weight_date_min: weightDateMin }),
  })
}

async function processProducts(db: App['db'], options: Options): Promise<void> {
  const planned = await createProductsJob(db, options)
  const skipped = planned.skipped.map(({ product, reason }) => `${product}: ${reason}`)
  tellJob(planned, skipped, options, 'no L2A product fits; see `tilth products --level L2A`')
}

function tellJob(
  planned: {
    readonly jobId: number | null
    readonly stepIds: readonly number[]
    readonly tilesWithoutInput: readonly string[]
  },
  skipped: readonly string[],
  { json, processor }: Options,
  nothing: string,
): void {
  if (json === true) {
    printJson(planned)
    return
  }
  for (const line of skipped) process.stderr.write(`skipped ${line}\n`)
  tellTilesWithoutInput(planned, processor === 'l2a' ? 'acquisition' : 'L2A product')
  process.stdout.write(
    planned.jobId !== null
      ? `job ${planned.jobId}: ${planned.stepIds.length} steps; \`tilth up\` runs them\n`
      : skipped.length + planned.tilesWithoutInput.length > 0
        ? 'nothing to do\n'
        : `nothing to do: ${nothing}\n`,
  )
}
