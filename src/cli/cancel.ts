import type { Command } from 'commander'
import { printJson, SELECTION, selection, withApp } from './queue-options.js'

export function register(program: Command): void {
  program
    .command('cancel')
    .description('cancel steps: those that wait at once, running ones are asked to end')
    .argument('<what>', SELECTION)
    .option('--json', 'print JSON')
    .action(async (what: string, { json }: { json?: boolean }) => {
      const which = selection(what)
      await withApp(async ({ db }) => {
        const { cancel } = await import('../scheduler/queue-view.js')
        const result = await cancel(db, which)
        if (json) printJson(result)
        else process.stdout.write(`${result.cancelled} cancelled, ${result.asked} running asked to end\n`)
      })
    })
}
