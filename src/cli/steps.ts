import { Option, type Command } from 'commander'
import { STEP_STATES } from '../domain/states.js'
import { positiveInteger } from './numbers.js'
import { printJson, withApp } from './queue-options.js'

interface Options {
  job?: number
  state?: string[]
  site?: string
  tile?: string
  limit: number
  json?: boolean
}

export function register(program: Command): void {
  program
    .command('steps')
    .description('list steps in the order in which they were made')
    .option('--job <id>', 'only steps of this job', positiveInteger)
    .addOption(new Option('--state <states...>', 'only steps in one of these').choices(STEP_STATES))
    .option('--site <slug>', 'only steps of this site')
    .option('--tile <name>', 'only steps of this tile')
    .option('--limit <n>', 'at most so many', positiveInteger, 200)
    .option('--json', 'print JSON')
    .action(async ({ json, state, ...filter }: Options) =>
      withApp(async ({ db }) => {
        const { findJob, listSteps } = await import('../scheduler/queue-view.js')
        const { getSite } = await import('../catalog/find-site.js')
        const { formatSteps } = await import('./format-queue.js')
        // An empty list would say that it has no steps.
        if (filter.job !== undefined) await findJob(db, filter.job)
        if (filter.site !== undefined) await getSite(db, filter.site)
        const steps = await listSteps(db, { ...filter, ...(state === undefined ? {} : { states: state }) })
        if (json) printJson(steps)
        else process.stdout.write(formatSteps(steps))
      }),
    )
}
