import { Option, type Command } from 'commander'
import type { PlannableProcessor } from '../scheduler/plan/planned-work.js'
import { positiveInteger } from './numbers.js'
import { formatSeconds, formatTable, printJson, tellTilesWithoutInput, withApp } from './queue-options.js'

interface Options {
  readonly processor: PlannableProcessor
  readonly date?: string[]
  readonly season?: string
  readonly tile?: string[]
  readonly force: boolean
  readonly limit: number
  readonly json?: boolean
}

export function register(program: Command): void {
  program
    .command('plan <site>')
    .description(
      'print what would run for a site now, in what order, with estimated time, memory and disk; makes nothing',
    )
    .addOption(
      new Option('--processor <name>', 'what would run').choices(['l2a', 'ndvi', 'composite']).default('l2a'),
    )
    .option('--date <days...>', 'composite: synthesis days (default: the 15th of each month of the season)')
    .option('--season <name>', 'only acquisitions within this season of the site')
    .option('--tile <names...>', 'only these tiles')
    .option('--force', 'also where the product exists with the same parameters', false)
    .option('--limit <n>', 'print at most so many rows; totals count all', positiveInteger, 50)
    .option('--json', 'print JSON, all rows')
    .addHelpText(
      'after',
      `
Times are estimates: the median CPU time of the last 200 succeeded steps for the same satellite, played through the admission of this
host behind all that is in the queue already. START and END count from now. \`tilth process --site <site>\` makes the job.`,
    )
    .action(async (site: string, options: Options) =>
      withApp(async ({ db, config }) => {
        const { readPlan } = await import('../scheduler/plan/read-plan.js')
        const { season, tile: tiles, date: days, force, processor } = options
        const request = {
          site,
          force,
          ...(season === undefined ? {} : { season }),
          ...(tiles === undefined ? {} : { tiles }),
          ...(days === undefined ? {} : { days }),
        }
        const plan = await readPlan(db, request, { node: config.node, processor })
        if (options.json) {
          printJson(plan)
          return
        }
        tellTilesWithoutInput(plan, processor === 'l2a' ? 'acquisition' : 'L2A product')
        const time = (s: number | null) => (s === null ? '?' : formatSeconds(s))
        const size = (bytes: number | null) => (bytes === null ? '?' : `${(bytes / 2 ** 20).toFixed(0)} MiB`)
        process.stdout.write(
          formatTable(
            [
              'ORDER',
              'TILE',
              'START',
              'END',
              'THREADS',
              'CPU',
              'MEMORY',
              'DISK',
              processor === 'l2a' ? 'ACQUISITION' : 'PRODUCT',
            ],
            plan.rows
              .slice(0, options.limit)
              .map((row) => [
                String(row.place),
                row.tile,
                time(row.startS),
                time(row.endS),
                String(row.threads ?? '?'),
                time(row.cpuS),
                `${row.memoryMb} MiB`,
                size(row.bytes),
                `${row.acquisitionId === null ? '' : `${row.acquisitionId} `}${row.name}${row.reason === null ? '' : ` (${row.reason})`}`,
              ]),
          ),
        )
        const more = plan.rows.length - options.limit
        if (more > 0) process.stdout.write(`and ${more} more\n`)
        process.stdout.write(
          `\n${plan.rows.length} steps to run behind ${plan.ahead} in the queue; ${plan.skipped.length} ${processor === 'l2a' ? 'acquisitions' : 'products'} need none\n` +
            `ends in ${time(plan.endS)} on ${plan.capacity.slots} slots; CPU ${time(plan.cpuS)}; at most ${plan.peakMemoryMb} of ` +
            `${plan.capacity.memoryMb} MiB memory; disk ${size(plan.bytes)}\n` +
            (plan.samples === 0
              ? 'no step has succeeded yet: times are unknown until one has\n'
              : `estimated from ${plan.samples} steps\n`),
        )
      }),
    )
}
