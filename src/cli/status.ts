import type { Command } from 'commander'
import { printJson, withApp } from './queue-options.js'

export function register(program: Command): void {
  program
    .command('status')
    .description('show the queue: progress, time left, threads and memory')
    .option(
      '--watch',
      'again every --interval seconds until Ctrl-C; redraws on a terminal, appends elsewhere',
      false,
    )
    .option('--interval <s>', 'seconds between two looks with --watch', Number, 1)
    .option('--json', 'print JSON, one line a look with --watch')
    .action(async (options: { watch: boolean; interval: number; json?: boolean }) =>
      withApp(async ({ db }) => {
        const { queueStatus } = await import('../scheduler/queue-view.js')
        const { formatStatus } = await import('./format-queue.js')
        const isTerminal = process.stdout.isTTY
        const look = async () => {
          const status = await queueStatus(db)
          if (options.json && options.watch) process.stdout.write(`${JSON.stringify(status)}\n`)
          else if (options.json) printJson(status)
          // Home, text, clear below: less flicker than clearing first.
          else if (options.watch && isTerminal)
            process.stdout.write(`\x1b[H${formatStatus(status).replaceAll('\n', '\x1b[K\n')}\x1b[J`)
          else process.stdout.write(formatStatus(status))
        }
        if (!options.watch) return look()
        let stop = (): void => undefined
        const stopped = new Promise<void>((resolve) => {
          stop = resolve
        })
        process.once('SIGINT', stop)
        process.once('SIGTERM', stop)
        if (isTerminal && !options.json) process.stdout.write('\x1b[2J')
        const intervalMs = Math.max(0.1, Number.isFinite(options.interval) ? options.interval : 1) * 1000
        for (let isStopped = false; !isStopped;) {
          await look()
          isStopped = await Promise.race([
            stopped.then(() => true),
            new Promise<boolean>((resolve) => setTimeout(resolve, intervalMs, false)),
          ])
        }
      }),
    )
}
