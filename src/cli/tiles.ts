import type { Command } from 'commander'
import { formatTable, printJson, withApp } from './queue-options.js'

interface SetOptions {
  readonly only?: string[]
  readonly enable?: string[]
  readonly disable?: string[]
  readonly json?: boolean
}

export function register(program: Command): void {
  const tiles = program.command('tiles').description('Sentinel-2 tiles of a site and their filter')
  tiles
    .command('show')
    .description('tiles of a site')
    .argument('<site>', 'slug')
    .option('--json', 'print JSON')
    .action(async (site: string, options: { json?: boolean }) =>
      withApp(async ({ db }) => {
        const { siteTiles } = await import('../catalog/sites.js')
        print(await siteTiles(db, site), options.json)
      }),
    )
  tiles
    .command('set')
    .description('change the tile filter of a site')
    .argument('<site>', 'slug')
    .option('--only <tiles...>', 'process exactly these')
    .option('--enable <tiles...>', 'add these, or switch them on')
    .option('--disable <tiles...>', 'switch these off')
    .option('--json', 'print JSON')
    .action(async (site: string, options: SetOptions) => {
      const { ProcessingError } = await import('../domain/errors.js')
      if (options.only === undefined && options.enable === undefined && options.disable === undefined)
        throw new ProcessingError('BAD_ARGUMENT', 'Give at least one of --only, --enable and --disable.')
      await withApp(async ({ db }) => {
        const { setSiteTiles } = await import('../catalog/sites.js')
        print(await setSiteTiles(db, site, options), options.json)
      })
    })
}

function print(
  rows: readonly { satellite: string; tile: string; origin: string; enabled: boolean }[],
  json: boolean | undefined,
): void {
  if (json) printJson(rows)
  else
    process.stdout.write(
      formatTable(
        ['TILE', 'SATELLITE', 'ORIGIN', 'ENABLED'],
        rows.map((row) => [row.tile, row.satellite, row.origin, row.enabled ? 'yes' : 'no']),
      ),
    )
}
