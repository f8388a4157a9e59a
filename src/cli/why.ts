import type { Command } from 'commander'
import { printJson, withApp } from './queue-options.js'

export function register(program: Command): void {
  program
    .command('why <what>')
    .description('say why a site, tile, acquisition, product, step or job is not there or not done')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
<what> is KIND:NAME with KIND one of site, tile, acquisition, product, step, job; or a name alone: a number is a step, 31TCJ a
tile, a product's or acquisition's name itself, anything else a site's slug. Landsat tiles need their kind: tile:198030.
Slots, memory and disks are those of the host on which it is asked, a pause that of its node (TILTH_NODE, else the host). Lines that begin with -> are commands that would change it.`,
    )
    .action(async (what: string, { json }: { json?: boolean }) =>
      withApp(async ({ db, config }) => {
        const { registeredRoots } = await import('../catalog/storage-roots.js')
        const { why } = await import('../scheduler/why/why.js')
        const { formatExplanation } = await import('../scheduler/why/explanation.js')
        const found = await why(db, what, {
          node: config.node,
          proveRoots: () => registeredRoots(db, config),
        })
        if (json) printJson(found)
        else process.stdout.write(formatExplanation(found))
      }),
    )
}
