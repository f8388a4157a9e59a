import { secondText } from '../domain/calendar-day.js'
import { Option, type Command } from 'commander'
import { positiveInteger } from './numbers.js'
import { formatTable, printJson, withApp } from './queue-options.js'

interface Options {
  readonly site?: string
  readonly satellite?: 's2' | 'landsat'
  readonly tile?: string
  readonly limit: number
  readonly json?: boolean
}

export function register(program: Command): void {
  program
    .command('acquisitions')
    .description('list known acquisitions, oldest first, and where each stands on its way to L2A')
    .option('--site <slug>', 'only of the tiles that the site or a sub-site has enabled')
    .addOption(new Option('--satellite <name>', 'only of this satellite').choices(['s2', 'landsat']))
    .option('--tile <tile>', 'only of this tile, e.g. 31TCJ or 198030')
    .option('--limit <n>', 'at most so many', positiveInteger, 1000)
    .option('--json', 'print JSON')
    .action(async (options: Options) =>
      withApp(async ({ db }) => {
        const { listWithStanding } = await import('../scheduler/why/list-with-standing.js')
        const rows = await listWithStanding(db, options)
        if (options.json) {
          printJson(rows)
          return
        }
        process.stdout.write(
          formatTable(
            ['ACQUISITION', 'SATELLITE', 'TILE', 'SENSED (UTC)', 'STATE', 'L2A', 'NAME', 'REASON'],
            rows.map((row) => [
              String(row.acquisitionId),
              row.satellite,
              row.tile ?? '-',
              row.sensedAt === null ? '-' : secondText(row.sensedAt),
              row.state,
              row.standing,
              row.name,
              row.reason ?? '',
            ]),
          ),
        )
      }),
    )
}
