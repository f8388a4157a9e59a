import type { Command } from 'commander'
import { withApp } from './queue-options.js'
import { numberIn } from './numbers.js'
import { showOrWatch } from './watch.js'

export function register(program: Command): void {
  program
    .command('status')
    .description('show the queue: progress, time left, threads and memory')
    .option(
      '--watch',
      'again every --interval seconds until Ctrl-C; redraws on a terminal, appends elsewhere',
      false,
    )
    .option(
      '--interval <s>',
      'seconds between two looks with --watch, 0.1 to 3600',
      numberIn(0.1, 3600, 's'),
      1,
    )
    .option('--json', 'print JSON, one line a look with --watch')
    .action(async (options: { watch: boolean; interval: number; json?: boolean }) =>
      withApp(async ({ db }) => {
        const { queueStatus } = await import('../scheduler/queue-view.js')
        const { formatStatus } = await import('./format-queue.js')
        await showOrWatch(
          async () => {
            const status = await queueStatus(db)
            if (options.json) return `${JSON.stringify(status, null, options.watch ? undefined : 2)}\n`
            return formatStatus(status)
          },
          { watch: options.watch, intervalS: options.interval, redraw: options.json !== true },
        )
      }),
    )
}
