import { Option, type Command } from 'commander'
import type { PlannableProcessor } from '../scheduler/plan/planned-work.js'
import { formatPlan } from './format-plan.js'
import { positiveInteger } from './numbers.js'
import { printJson, tellTilesWithoutInput, withApp } from './queue-options.js'

interface Options {
  readonly processor: PlannableProcessor
  readonly date?: string[]
  readonly season?: string
  readonly tile?: string[]
  readonly force: boolean
  readonly priority: number
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
    .option('--priority <n>', 'of the job that would be made; lower runs first', positiveInteger, 100)
    .option('--limit <n>', 'print at most so many rows; totals count all', positiveInteger, 50)
    .option('--json', 'print JSON, all rows')
    .addHelpText(
      'after',
      `
The order is that in which \`tilth up\` of this host would start them now: shares, priority, age and deadlines, among all that is in the queue already.
START and END count from now. CPU is the median of recent steps of the same processor, and of its version where there are any, for inputs of that size
(else in proportion to the files they declare); assumed: nothing of the processor has run, and it counts as in the order of the queue. MEMORY is what it would be
admitted with, DISK the mean product of the satellite, or declared. \`tilth process --site <site>\` makes the job.`,
    )
    .action(async (site: string, options: Options) =>
      withApp(async ({ db, config }) => {
        const { readPlan } = await import('../scheduler/plan/read-plan.js')
        const { season, tile: tiles, date: days, force, processor, priority } = options
        const request = {
          site,
          force,
          ...(season === undefined ? {} : { season }),
          ...(tiles === undefined ? {} : { tiles }),
          ...(days === undefined ? {} : { days }),
        }
        const plan = await readPlan(db, request, { node: config.node, processor, priority })
        if (options.json) {
          printJson(plan)
          return
        }
        tellTilesWithoutInput(plan, processor === 'l2a' ? 'acquisition' : 'L2A product')
        process.stdout.write(formatPlan(plan, { site, processor, limit: options.limit }))
      }),
    )
}
