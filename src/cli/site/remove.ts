import { Option, type Command } from 'commander'
import { printJson, withApp } from '../queue-options.js'
import { userName } from '../user-name.js'

interface Options {
  readonly products: 'keep' | 'delete'
  readonly l1: 'keep' | 'delete'
  readonly yes: boolean
  readonly json?: boolean
}

export function registerRemove(site: Command): void {
  site
    .command('remove')
    .description(
      'say what removing a site with its sub-sites would delete; with --yes do it. What other sites need stays',
    )
    .argument('<site>', 'slug')
    .addOption(
      new Option('--products <what>', 'products of tiles that no other site has enabled')
        .choices(['keep', 'delete'])
        .default('keep'),
    )
    .addOption(
      new Option(
        '--l1 <what>',
        'acquisitions of such tiles: their links or copies in the root l1; what a link leads to is never touched',
      )
        .choices(['keep', 'delete'])
        .default('keep'),
    )
    .option('--yes', 'do it', false)
    .option('--json', 'print JSON')
    .action(async (slug: string, { products, l1, yes, json }: Options) => {
      const options = { products: products === 'delete', l1: l1 === 'delete' }
      await withApp(async ({ db, config }) => {
        const { registeredRoots } = await import('../../catalog/storage-roots.js')
        const { planRemoval, removeSite } = await import('../../catalog/remove/remove-site.js')
        const roots = await registeredRoots(db, config)
        const plan = await planRemoval(db, roots, slug, options)
        const done = yes ? await removeSite(db, roots, slug, { ...options, by: userName() }) : null
        for (const { location, reason } of done?.kept ?? [])
          process.stderr.write(`${location} is left: ${reason}\n`)
        if (json) {
          printJson({ removed: yes, ...plan, ...done })
          return
        }
        process.stdout.write(
          [
            `sites         ${plan.sites.join(' ')}`,
            `with          ${plan.seasons} seasons, ${plan.tiles} tiles`,
            `open steps    ${plan.open.running} running, ${plan.open.waiting} waiting: cancelled, unless another site has the tile`,
            `products      ${plan.products}`,
            `acquisitions  ${plan.acquisitions}`,
            `files         ${plan.files}, ${(plan.bytes / 1e6).toFixed(1)} MB`,
            yes ? `site ${slug} is removed` : 'nothing was removed; --yes does it',
            '',
          ].join('\n'),
        )
      })
    })
}
