import type { Command } from 'commander'
import { registerApply } from './site/apply.js'
import { registerEdit } from './site/edit.js'
import { registerMerge } from './site/merge.js'
import { registerRemove } from './site/remove.js'
import { registerSplit } from './site/split.js'
import { formatTable, printJson, withApp } from './queue-options.js'

interface AddOptions {
  readonly name?: string
  readonly slug?: string
  readonly parent?: string
  readonly json?: boolean
}

export function register(program: Command): void {
  const site = program.command('site').description('areas of interest')
  site
    .command('add')
    .description('add a site from polygons; its tiles are found from the area')
    .argument(
      '<file>',
      'polygons: GeoJSON or WKT in degrees WGS 84, or GeoPackage, Shapefile, KML in any system; - reads GeoJSON or WKT from stdin',
    )
    .option('--name <name>', 'name of the site (default: of the file)')
    .option('--slug <slug>', 'short name for commands, a-z 0-9 - (default: from the name)')
    .option('--parent <slug>', 'site whose settings and seasons this one inherits and whose part it is')
    .option('--json', 'print JSON')
    .action(async (file: string, options: AddOptions) => {
      const { addSite, parseArea } = await import('../catalog/sites.js')
      const { readAreaFile } = await import('../products/areas/read-area-file.js')
      const { siteTiles } = await import('../catalog/site-tiles.js')
      const area = file === '-' ? parseArea(await readStdin()) : await readAreaFile(file)
      const path = await import('node:path')
      const name = options.name ?? (file === '-' ? 'site' : path.basename(file, path.extname(file)))
      await withApp(async ({ db }) => {
        const added = await addSite(db, {
          name,
          area,
          ...(options.slug === undefined ? {} : { slug: options.slug }),
          ...(options.parent === undefined ? {} : { parent: options.parent }),
        })
        const tiles = await siteTiles(db, added.slug)
        const names = tiles.map((row) => row.tile).join(' ')
        if (options.json) printJson({ ...added, tiles })
        else process.stdout.write(`site ${added.slug} added, tiles: ${names}\n`)
      })
    })
  site
    .command('list')
    .description('all sites')
    .option('--json', 'print JSON')
    .action(async (options: { json?: boolean }) =>
      withApp(async ({ db }) => {
        const { listSites } = await import('../catalog/sites.js')
        const sites = await listSites(db)
        if (options.json) printJson(sites)
        else
          process.stdout.write(
            formatTable(
              ['SITE', 'NAME', 'PARENT', 'S2 TILES', 'LANDSAT', 'PAUSED', 'SEASONS'],
              sites.map((s) => [
                s.slug,
                s.name,
                s.parent ?? '-',
                String(s.tiles.s2),
                String(s.tiles.landsat),
                s.paused ? 'yes' : 'no',
                s.seasons.map((n) => n.name).join(', ') || '-',
              ]),
            ),
          )
      }),
    )
  site
    .command('show')
    .description('one site with its seasons and tiles')
    .argument('<site>', 'slug')
    .option('--json', 'print JSON')
    .action(async (slug: string, options: { json?: boolean }) =>
      withApp(async ({ db }) => {
        const { getSite, siteArea } = await import('../catalog/sites.js')
        const { siteTiles } = await import('../catalog/site-tiles.js')
        const found = await getSite(db, slug)
        const tiles = await siteTiles(db, slug)
        if (options.json) {
          printJson({ ...found, geometry: await siteArea(db, found), tiles })
          return
        }
        const whose = found.seasonsOf === found.slug ? '' : ` (of ${found.seasonsOf ?? ''})`
        const lines = [
          `${found.slug}: ${found.name}${found.paused ? ' (paused)' : ''}`,
          `parent   ${found.parent ?? '-'}`,
          ...(found.subSites.length > 0 ? [`sub-sites ${found.subSites.join(' ')}`] : []),
          `extent   west ${found.bbox[0]}, south ${found.bbox[1]}, east ${found.bbox[2]}, north ${found.bbox[3]} degrees`,
          ...found.seasons.map(
            (n) => `season   ${n.name}: ${n.startsOn} to ${n.endsOn}, middle ${n.midOn}${whose}`,
          ),
          ...(['s2', 'landsat'] as const).map(
            (satellite) =>
              `${satellite.padEnd(8)} ${
                tiles
                  .filter((t) => t.satellite === satellite)
                  .map((t) => (t.enabled ? t.tile : `${t.tile} (off)`))
                  .join(' ') || '-'
              }`,
          ),
        ]
        process.stdout.write(`${lines.join('\n')}\n`)
      }),
    )
  registerApply(site)
  registerEdit(site)
  registerSplit(site)
  registerMerge(site)
  registerRemove(site)
}

async function readStdin(): Promise<string> {
  const { text } = await import('node:stream/consumers')
  return text(process.stdin)
}
