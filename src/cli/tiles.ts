import type { Command } from 'commander'
import type { SiteTileRow } from '../catalog/site-tiles.js'
import { formatTable, printJson, withApp } from './queue-options.js'

interface SetOptions {
  readonly only?: string[]
  readonly enable?: string[]
  readonly disable?: string[]
  readonly json?: boolean
}

export function register(program: Command): void {
  const tiles = program.command('tiles').description('tiles of a site (Sentinel-2, Landsat) and their filter')
  tiles
    .command('show', { isDefault: true })
    .description('tiles of a site and its sub-sites, each once')
    .argument('<site>', 'slug')
    .option('--json', 'print JSON')
    .action(async (site: string, options: { json?: boolean }) =>
      withApp(async ({ db }) => {
        const { siteTiles } = await import('../catalog/site-tiles.js')
        print(await siteTiles(db, site), options.json)
      }),
    )
  tiles
    .command('set')
    .description(
      "change a site's own tile filter; tiles are named 31TCJ (Sentinel-2) or 198030 (Landsat path and row)",
    )
    .argument('<site>', 'slug')
    .option('--only <tiles...>', 'of the satellites of these tiles, process exactly these')
    .option('--enable <tiles...>', 'add these, or switch them on; s2 or landsat: all that the area touches')
    .option('--disable <tiles...>', 'switch these off; s2 or landsat: all of that satellite')
    .option('--json', 'print JSON')
    .action(async (site: string, options: SetOptions) => {
      const { ProcessingError } = await import('../domain/errors.js')
      if (options.only === undefined && options.enable === undefined && options.disable === undefined)
        throw new ProcessingError('BAD_ARGUMENT', 'Give at least one of --only, --enable and --disable.')
      await withApp(async ({ db }) => {
        const { setSiteTiles } = await import('../catalog/site-tiles.js')
        print(await setSiteTiles(db, site, options), options.json)
      })
    })
}

function print(rows: readonly SiteTileRow[], json: boolean | undefined): void {
  if (json) printJson(rows)
  else
    process.stdout.write(
      formatTable(
        ['TILE', 'SATELLITE', 'ORIGIN', 'ENABLED', 'SITES'],
        rows.map((row) => [
          row.tile,
          row.satellite,
          row.origin,
          row.enabled ? 'yes' : 'no',
          row.sites.join(' '),
        ]),
      ),
    )
}
