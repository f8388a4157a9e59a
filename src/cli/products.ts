import { secondText } from '../domain/calendar-day.js'
import type { Command } from 'commander'
import { positiveInteger } from './numbers.js'
import { formatTable, printJson, withApp } from './queue-options.js'

interface Options {
  readonly site?: string
  readonly tile?: string
  readonly level?: string
  readonly stale?: boolean
  readonly partial?: boolean
  readonly limit: number
  readonly json?: boolean
}

export function register(program: Command): void {
  program
    .command('products')
    .description('published products; with a name, one of them with its provenance')
    .argument('[name]', 'name of a product')
    .option('--site <slug>', 'only of the enabled tiles of the site and its sub-sites')
    .option('--tile <tile>', 'only of this tile, e.g. 31TCJ')
    .option('--level <level>', 'only of this level, e.g. L2A')
    .option(
      '--stale',
      'only products whose inputs have changed since; `tilth process --stale` makes them again',
    )
    .option('--partial', 'only products that were made without a date of their window')
    .option('--limit <n>', 'at most so many', positiveInteger, 1000)
    .option('--json', 'print JSON')
    .action(async (name: string | undefined, options: Options) =>
      withApp(async ({ db }) => {
        const { getProduct, listProducts } = await import('../catalog/products.js')
        if (name !== undefined) {
          printJson(await getProduct(db, name))
          return
        }
        const products = await listProducts(db, {
          site: options.site ?? null,
          tile: options.tile ?? null,
          level: options.level ?? null,
          stale: options.stale === true,
          partial: options.partial === true,
          limit: options.limit,
        })
        if (options.json) printJson(products)
        else
          process.stdout.write(
            formatTable(
              [
                'PRODUCT',
                'LEVEL',
                'TILE',
                'SENSED (UTC)',
                'MADE BY',
                'WITHOUT',
                options.stale ? 'WHY IT IS STALE' : 'LOCATION',
              ],
              products.map((p) => [
                p.name,
                p.level,
                p.tile,
                secondText(p.sensedAt),
                `${p.processor} ${p.processorVersion}${p.madeBy === null ? '' : ` (${p.madeBy})`}`,
                without(p.gaps),
                options.stale ? (p.staleReason ?? '') : p.location,
              ]),
            ),
          )
      }),
    )
}

/** Days of the gaps, the first few by name; `-` for a product that lacks nothing. */
function without(gaps: readonly { readonly day: string }[]): string {
  const days = gaps.slice(0, 3).map(({ day }) => day)
  return days.length === 0
    ? '-'
    : `${days.join(', ')}${gaps.length > days.length ? ` and ${gaps.length - days.length} more` : ''}`
}
