import type { Command } from 'commander'
import { printJson, withApp } from './queue-options.js'

interface AddOptions {
  readonly start: string
  readonly end: string
  readonly mid?: string
  readonly json?: boolean
}

export function register(program: Command): void {
  const season = program.command('season').description('growing seasons of a site')
  season
    .command('add')
    .description('add a season to a site')
    .argument('<site>', 'slug')
    .argument('<name>', 'e.g. summer-2024')
    .requiredOption('--start <day>', 'first day, YYYY-MM-DD')
    .requiredOption('--end <day>', 'last day, YYYY-MM-DD')
    .option('--mid <day>', 'middle of the season, YYYY-MM-DD (default: half-way)')
    .option('--json', 'print JSON')
    .action(async (site: string, name: string, options: AddOptions) =>
      withApp(async ({ db }) => {
        const { addSeason } = await import('../catalog/sites.js')
        const added = await addSeason(db, site, {
          name,
          startsOn: options.start,
          endsOn: options.end,
          ...(options.mid === undefined ? {} : { midOn: options.mid }),
        })
        if (options.json) printJson(added)
        else
          process.stdout.write(
            `season ${added.name} of ${site}: ${added.startsOn} to ${added.endsOn}, middle ${added.midOn}\n`,
          )
      }),
    )
}
