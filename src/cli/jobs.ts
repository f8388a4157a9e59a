import { Option, type Command } from 'commander'
import { JOB_STATES } from '../domain/states.js'
import { positiveInteger } from './numbers.js'
import { printJson, withApp } from './queue-options.js'

export function register(program: Command): void {
  program
    .command('jobs')
    .description('list jobs, newest first')
    .addOption(new Option('--state <state>', 'only these').choices(JOB_STATES))
    .option('--site <slug>', 'only jobs of this site')
    .option('--limit <n>', 'at most so many', positiveInteger, 50)
    .option('--json', 'print JSON')
    .action(async (options: { state?: string; site?: string; limit: number; json?: boolean }) =>
      withApp(async ({ db }) => {
        const { viewJobs } = await import('../scheduler/queue-view.js')
        const { getSite } = await import('../catalog/find-site.js')
        if (options.site !== undefined) await getSite(db, options.site)
        const { formatJobs } = await import('./format-queue.js')
        const jobs = await viewJobs(db, {
          state: options.state ?? null,
          site: options.site ?? null,
          limit: options.limit,
        })
        if (options.json) printJson(jobs)
        else process.stdout.write(formatJobs(jobs))
      }),
    )
}
