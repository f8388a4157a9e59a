import type { Command } from 'commander'
import type { DateOfChain } from '../catalog/chains.js'
import { formatTable, printJson, withApp } from './queue-options.js'

interface ChainsOptions {
  readonly site?: string
  readonly json?: boolean
}

export function register(program: Command): void {
  program
    .command('chains')
    .description(
      'L2A in order of time, by satellite, tile and orbit: how many dates are made, stale, open; of one tile how each date began and whose state it took',
    )
    .argument('[tile]', 'dates of this tile, such as 31TCJ or 198030 (default: all chains, one line each)')
    .option('--site <slug>', 'only tiles of this site and its sub-sites')
    .option('--json', 'print JSON')
    .action(async (tile: string | undefined, options: ChainsOptions) =>
      withApp(async ({ db }) => {
        const { listChains, listDatesOfChains } = await import('../catalog/chains.js')
        if (tile !== undefined) {
          printDates(await listDatesOfChains(db, tile), options.json)
          return
        }
        const rows = await listChains(db, options.site ?? null)
        if (options.json) {
          printJson(rows)
          return
        }
        process.stdout.write(
          formatTable(
            ['SATELLITE', 'TILE', 'ORBIT', 'DATES', 'MADE', 'STALE', 'OPEN', 'STARTS', 'FIRST', 'LAST'],
            rows.map((c) => [
              ...[c.satellite, c.tile, String(c.orbit ?? '-')],
              ...[c.dates, c.made, c.stale, c.open, c.starts].map(String),
              ...[c.first ?? '-', c.last ?? '-'],
            ]),
          ),
        )
      }),
    )
}

function printDates(rows: readonly DateOfChain[], json: boolean | undefined): void {
  if (json) {
    printJson(rows)
    return
  }
  process.stdout.write(
    formatTable(
      ['ORBIT', 'DAY', 'ACQUISITION', 'BEGAN', 'STATE OF', 'STEP', 'NOTE'],
      rows.map((d) => [
        ...[String(d.orbit ?? '-'), d.day, String(d.acquisitionId), d.mode ?? '-', d.previous ?? '-'],
        d.step === null ? '-' : `${d.step} ${d.state ?? ''}`,
        d.staleReason !== null ? `stale: ${d.staleReason}` : d.product === null ? (d.code ?? 'not made') : '',
      ]),
    ),
  )
}
