import type { Command } from 'commander'
import { printJson, selection, withApp } from './queue-options.js'

export function register(program: Command): void {
  program
    .command('retry <what>')
    .description(
      'put a failed, quarantined or cancelled step (NUMBER), or all of a job (job:NUMBER), back into the queue',
    )
    .option('--json', 'print JSON')
    .action(async (what: string, { json }: { json?: boolean }) => {
      const which = selection(what)
      await withApp(async ({ db }) => {
        const { retry } = await import('../scheduler/queue-view.js')
        const result = await retry(db, which)
        if (json) printJson(result)
        else process.stdout.write(`${result.retried} put back\n`)
      })
    })
}
