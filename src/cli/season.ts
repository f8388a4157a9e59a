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
        const { addSeason } = await import('../catalog/seasons.js')
        const added = await addSeason(db, site, {
          name,
          startsOn: options.start,
          endsOn: options.end,
          ...(options.mid === undefined ? {} : { midOn: options.mid }),
        })
        if (options.json) printJson(added)
        else process.stdout.write(`${describe(site, added)}\n`)
      }),
    )
  season
    .command('edit')
    .description('change days or name of a season; products stay')
    .argument('<site>', 'slug')
    .argument('<name>', 'the season')
    .option('--name <name>', 'new name')
    .option('--start <day>', 'first day, YYYY-MM-DD')
    .option('--end <day>', 'last day, YYYY-MM-DD')
    .option('--mid <day>', 'middle, YYYY-MM-DD (default: as it is, or half-way where it would fall outside)')
    .option('--json', 'print JSON')
    .action(async (site: string, name: string, options: EditOptions) => {
      const { ProcessingError } = await import('../domain/errors.js')
      const { start, end, mid, name: newName } = options
      if ([start, end, mid, newName].every((given) => given === undefined))
        throw new ProcessingError('BAD_ARGUMENT', 'Give at least one of --name, --start, --end and --mid.')
      await withApp(async ({ db }) => {
        const { editSeason } = await import('../catalog/seasons.js')
        const edited = await editSeason(db, site, name, {
          ...(newName === undefined ? {} : { name: newName }),
          ...(start === undefined ? {} : { startsOn: start }),
          ...(end === undefined ? {} : { endsOn: end }),
          ...(mid === undefined ? {} : { midOn: mid }),
        })
        if (options.json) printJson(edited)
        else process.stdout.write(`${describe(site, edited)}\n`)
      })
    })
  season
    .command('report')
    .description('where a season stands, tile by tile and day by day: an HTML page with a calendar')
    .argument('<site>', 'slug')
    .argument('<name>', 'the season')
    .option('--out <file>', 'write the page there', 'season-<site>-<name>.html')
    .option('--json', 'print the report as JSON; writes no page')
    .action(async (site: string, name: string, options: { out: string; json?: boolean }) =>
      withApp(async ({ db }) => {
        const { readSeasonReport } = await import('../scheduler/season-report/read-season-report.js')
        const report = await readSeasonReport(db, site, name)
        if (options.json) {
          printJson(report)
          return
        }
        const { writeFile } = await import('node:fs/promises')
        const { renderSeasonReport } = await import('./season/render-season-report.js')
        // A season's name may hold what no file name should.
        const file = options.out.replace('<site>', site).replace('<name>', name.replace(/[^\w.-]+/g, '_'))
        await writeFile(file, renderSeasonReport(report))
        const told = Object.entries(report.counts).flatMap(([state, count]) =>
          count > 0 ? [`${count} ${state}`] : [],
        )
        process.stdout.write(
          `season ${name} of ${site}: ${told.join(', ') || 'no acquisition is known'}\n${file}\n`,
        )
      }),
    )
  season
    .command('remove')
    .description("remove a season; products stay. A sub-site without its own has its parent's")
    .argument('<site>', 'slug')
    .argument('<name>', 'the season')
    .action(async (site: string, name: string) =>
      withApp(async ({ db }) => {
        const { removeSeason } = await import('../catalog/seasons.js')
        await removeSeason(db, site, name)
        process.stdout.write(`season ${name} of ${site} removed\n`)
      }),
    )
}

interface EditOptions extends Partial<Omit<AddOptions, 'json'>> {
  readonly name?: string
  readonly json?: boolean
}

const describe = (
  site: string,
  season: {
    readonly name: string
    readonly startsOn: string
    readonly midOn: string
    readonly endsOn: string
  },
): string =>
  `season ${season.name} of ${site}: ${season.startsOn} to ${season.endsOn}, middle ${season.midOn}`
