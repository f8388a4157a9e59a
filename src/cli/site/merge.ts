import type { Command } from 'commander'
import { printJson, withApp } from '../queue-options.js'
import { userName } from '../user-name.js'

interface Options {
  readonly dryRun: boolean
  readonly json?: boolean
}

export function registerMerge(site: Command): void {
  site
    .command('merge')
    .description(
      'make sub-sites part of their parent again; their steps go on as the parent’s, products stay',
    )
    .argument('<parent>', 'slug')
    .argument('[children...]', 'slugs of sub-sites (default: all)')
    .option('--dry-run', 'only say what would be dropped', false)
    .option('--json', 'print JSON')
    .action(async (parent: string, children: string[], options: Options) => {
      const { mergeSites } = await import('../../catalog/split/merge-site.js')
      const merged = await withApp(({ db }) =>
        mergeSites(db, parent, children, { dryRun: options.dryRun, by: userName() }),
      )
      if (options.json) {
        printJson({ dryRun: options.dryRun, merged })
        return
      }
      for (const { slug, dropped, open } of merged) {
        process.stdout.write(`${slug}\n`)
        for (const what of dropped) process.stdout.write(`  drops ${what}\n`)
        if (open.running + open.waiting > 0)
          process.stdout.write(
            `  ${open.running} running and ${open.waiting} waiting steps become those of ${parent}\n`,
          )
      }
      process.stdout.write(
        options.dryRun
          ? 'nothing was changed (--dry-run)\n'
          : `${merged.length} sub-sites merged into ${parent}\n`,
      )
    })
}
