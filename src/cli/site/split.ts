import { InvalidArgumentError, type Command } from 'commander'
import type { SplitBy, SplitPlan } from '../../catalog/split/split-site.js'
import { formatTable, printJson, withApp } from '../queue-options.js'

interface Options {
  readonly by: string[]
  readonly dryRun: boolean
  readonly json?: boolean
}

export function registerSplit(site: Command): void {
  site
    .command('split')
    .description('cut a site into sub-sites that share its acquisitions and L2A; moves nothing on disk')
    .argument('<site>', 'slug')
    .requiredOption(
      '--by <how...>',
      'tile: one a Sentinel-2 tile; landsat-path: one a path; balanced N: N parts of about equal number of tiles; attribute FILE:FIELD: one a value of a field of polygons (GeoJSON, GeoPackage, Shapefile, KML)',
    )
    .option('--dry-run', 'only say what would be made', false)
    .option('--json', 'print JSON')
    .action(async (slug: string, options: Options) => {
      const by = await parseBy(options.by)
      const { splitSite } = await import('../../catalog/split/split-site.js')
      const plan = await withApp(({ db }) => splitSite(db, slug, by, { dryRun: options.dryRun }))
      if (options.json) printJson({ dryRun: options.dryRun, ...plan })
      else process.stdout.write(describe(slug, plan, options.dryRun))
    })
}

async function parseBy([kind, ...rest]: readonly string[]): Promise<SplitBy> {
  const value = rest.join(' ')
  if ((kind === 'tile' || kind === 'landsat-path') && rest.length === 0) return { kind }
  if (kind === 'balanced') {
    if (!/^[1-9]\d{0,3}$/.test(value) || Number(value) < 2)
      throw new InvalidArgumentError(`balanced needs a number of parts from 2 to 9999, found '${value}'`)
    return { kind, parts: Number(value) }
  }
  if (kind === 'attribute') {
    const [, file, field] = /^(.+):([^:/]+)$/.exec(value) ?? []
    if (file === undefined || field === undefined)
      throw new InvalidArgumentError(`attribute needs FILE:FIELD, found '${value}'`)
    const { readAreaGroups } = await import('../../products/areas/read-area-file.js')
    return { kind, groups: await readAreaGroups(file, field) }
  }
  throw new InvalidArgumentError(
    `expected tile, landsat-path, balanced N or attribute FILE:FIELD, found '${[kind, ...rest].join(' ')}'`,
  )
}

function describe(slug: string, plan: SplitPlan, dryRun: boolean): string {
  const table = formatTable(
    ['SUB-SITE', 'NAME', 'TILES'],
    plan.children.map(({ slug: child, name, tiles }) => [
      child,
      name,
      tiles
        .filter((row) => row.enabled)
        .map(({ tile }) => tile)
        .join(' '),
    ]),
  )
  const rest = plan.remaining.map(({ tile }) => tile).join(' ')
  return [
    table.trimEnd(),
    ...plan.notes,
    ...(rest === '' ? [] : [`${rest} stay with ${slug}`]),
    dryRun
      ? 'nothing was changed (--dry-run)'
      : `site ${slug} has ${plan.children.length} sub-sites; \`tilth site merge ${slug}\` undoes it`,
    '',
  ].join('\n')
}
