import type { Command } from 'commander'
import { printJson, SELECTION, selection, withApp } from './queue-options.js'

export function register(program: Command): void {
  program
    .command('retry')
    .description('put failed, quarantined and cancelled steps back into the queue')
    .argument('<what>', SELECTION)
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
