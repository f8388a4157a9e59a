import type { Command } from 'commander'
import { positiveInteger } from './numbers.js'
import { printJson, withApp } from './queue-options.js'

export function register(program: Command): void {
  program
    .command('report')
    .description(
      'what a job did: wall and CPU time, speed-up, who waited for what; an HTML page with a Gantt chart',
    )
    .argument('<job>', 'number of the job', positiveInteger)
    .option('--out <file>', 'write the page there', 'job-<number>.html')
    .option('--json', 'print the report as JSON; writes no page')
    .action(async (id: number, options: { out: string; json?: boolean }) =>
      withApp(async ({ db }) => {
        const { readJobReport } = await import('../scheduler/job-report/read-job-report.js')
        const report = await readJobReport(db, id)
        if (options.json) {
          printJson(report)
          return
        }
        const { writeFile } = await import('node:fs/promises')
        const { describeTimes } = await import('../scheduler/job-report/job-times.js')
        const { renderJobReport } = await import('./report/render-job-report.js')
        const file = options.out.replace('<number>', String(id))
        await writeFile(file, renderJobReport(report))
        process.stdout.write(`job ${id} ${report.job.state}: ${describeTimes(report.times)}\n${file}\n`)
      }),
    )
}
