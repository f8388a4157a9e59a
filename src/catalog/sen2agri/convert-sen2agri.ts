import { stringify } from 'smol-toml'
import { ProcessingError } from '../../domain/errors.js'
import type { GeoJsonArea } from '../../domain/polygon.js'
import { looksLikeWkt, parseWkt } from '../../products/areas/parse-wkt.js'
import { parseHexEwkb } from '../../products/sen2agri/parse-ewkb.js'
import type { Row, Tables } from '../../products/sen2agri/read-tables.js'
import { slugOf } from '../sites.js'
import { answerKey } from './config-keys.js'

/** What a Sen2Agri database comes to here. */
export interface Converted {
  /** A file for `tilth site apply`. */
  readonly siteFile: string
  /** Settings as commands, one a line. */
  readonly commands: readonly string[]
  /** What a reader has to know or decide, one a line. */
  readonly notes: readonly string[]
}

interface OldSite {
  readonly id: string
  readonly slug: string
  readonly name: string
  readonly isEnabled: boolean
  readonly area: GeoJsonArea
  readonly areaText: string
  /** By satellite; absent: all that the area touches. */
  readonly only: Readonly<Partial<Record<'s2' | 'landsat', readonly string[]>>>
  readonly seasons: readonly {
    readonly name: string
    readonly start: string
    readonly mid: string
    readonly end: string
  }[]
}

/** Ids of Sen2Agri's table `satellite`. */
const SATELLITES: Readonly<Record<string, 's2' | 'landsat'>> = { '1': 's2', '2': 'landsat' }

/**
 * Sites, seasons, tile filters and configuration of Sen2Agri as a site file and commands. Sites that `sp_split_site` or hands made of a larger one, with the
 * same area and a tile filter, become its sub-sites: then their L2A and products count to it. Pure.
 * Throws TABLES_INVALID where a table or column is missing, GEOMETRY_INVALID naming the site.
 */
export function convertSen2agri(tables: Tables): Converted {
  const rows = tables.get('site')
  if (rows === undefined || rows.length === 0)
    throw new ProcessingError(
      'TABLES_INVALID',
      `There is no table site, or it has no rows; found ${[...tables.keys()].join(', ') || 'no table'}.`,
    )
  const notes: string[] = []
  const sites = rows.map((row) => readSite(row, tables, notes))
  const twice = sites.find((site, i) => sites.findIndex(({ slug }) => slug === site.slug) !== i)
  if (twice !== undefined)
    throw new ProcessingError(
      'TABLES_INVALID',
      `Two sites come to the slug '${twice.slug}': rename one of them in the file.`,
    )
  const parentOf = parents(sites)
  for (const [child, parent] of parentOf)
    notes.push(`site ${child.slug} has the area of ${parent.slug} and a tile filter: it becomes its sub-site`)
  const tops = sites.filter((site) => !parentOf.has(site))
  const blocks = tops.flatMap((site) => [
    block(site, 'site'),
    ...sites
      .filter((child) => parentOf.get(child) === site)
      .map((child) => block(child, 'site.sub_site', site)),
  ])
  const { commands, otherwise } = convertConfig(
    tables.get('config') ?? [],
    new Map(sites.map((site) => [site.id, site.slug])),
  )
  return {
    siteFile: [
      '# Sites of Sen2Agri. `tilth site apply FILE` shows what it would change and asks.',
      '',
      ...blocks,
    ].join('\n'),
    commands,
    notes: [...notes, ...otherwise],
  }
}

function readSite(row: Row, tables: Tables, notes: string[]): OldSite {
  const id = column(row, 'id', 'site')
  const name = column(row, 'name', 'site')
  const slug = slugOf(row['short_name'] ?? name)
  const areaText = row['geog'] ?? row['geom'] ?? column(row, 'geog', 'site')
  const of = (table: string) => (tables.get(table) ?? []).filter((each) => each['site_id'] === id)
  const only: Partial<Record<'s2' | 'landsat', readonly string[]>> = {}
  for (const filter of of('site_tiles')) {
    const satellite = SATELLITES[column(filter, 'satellite_id', 'site_tiles')]
    if (satellite === undefined)
      notes.push(
        `site ${slug}: its tile filter of satellite ${filter['satellite_id'] ?? ''} is left out, only 1 (Sentinel-2) and 2 (Landsat) are known`,
      )
    else only[satellite] = tilesOf(column(filter, 'tiles', 'site_tiles'))
  }
  const seasons = of('season').flatMap((each) => {
    const season = {
      name: column(each, 'name', 'season'),
      start: day(each, 'start_date'),
      mid: day(each, 'mid_date'),
      end: day(each, 'end_date'),
    }
    if (isTrue(each['enabled'])) return [season]
    notes.push(`site ${slug}: season ${season.name} is disabled and left out`)
    return []
  })
  return {
    id,
    slug,
    name,
    isEnabled: isTrue(row['enabled']),
    area: areaOf(areaText, slug),
    areaText,
    only,
    seasons,
  }
}

function areaOf(text: string, slug: string): GeoJsonArea {
  try {
    return looksLikeWkt(text) ? parseWkt(text) : parseHexEwkb(text)
  } catch (cause) {
    if (!(cause instanceof ProcessingError)) throw cause
    throw new ProcessingError(cause.code, `Site ${slug}: ${cause.message}`, { cause })
  }
}

/** Of sites with the very same area the one without a filter, or with the most tiles, is the parent of those with fewer. */
function parents(sites: readonly OldSite[]): Map<OldSite, OldSite> {
  const found = new Map<OldSite, OldSite>()
  const size = ({ only }: OldSite) => (only.s2 === undefined ? Infinity : only.s2.length)
  for (const site of sites) {
    const largest = sites
      .filter((other) => other !== site && other.areaText === site.areaText && size(other) > size(site))
      .sort((a, b) => size(b) - size(a))[0]
    if (largest !== undefined) found.set(site, largest)
  }
  return found
}

/** Seasons of a sub-site that are those of its parent are inherited. */
function block(site: OldSite, table: string, parent?: OldSite): string {
  const value = (of: unknown) => stringify({ a: of }).trim().slice('a = '.length)
  const isSame = parent !== undefined && JSON.stringify(parent.seasons) === JSON.stringify(site.seasons)
  return [
    `[[${table}]]`,
    `slug = ${value(site.slug)}`,
    `name = ${value(site.name)}`,
    `paused = ${String(!site.isEnabled)}`,
    `geometry = '${JSON.stringify(site.area)}'`,
    ...(['s2', 'landsat'] as const).flatMap((satellite) => {
      const tiles = site.only[satellite]
      return tiles === undefined ? [] : [`[${table}.tiles.${satellite}]`, `only = ${value(tiles)}`]
    }),
    ...(isSame ? [] : site.seasons).flatMap((season) => [
      `[[${table}.season]]`,
      `name = ${value(season.name)}`,
      `start = ${season.start}`,
      `mid = ${season.mid}`,
      `end = ${season.end}`,
    ]),
    '',
  ].join('\n')
}

function convertConfig(
  rows: readonly Row[],
  slugs: ReadonlyMap<string, string>,
): { commands: string[]; otherwise: string[] } {
  const commands: string[] = []
  const otherwise = new Set<string>()
  let without = 0
  for (const row of rows) {
    const key = column(row, 'key', 'config')
    const value = row['value'] ?? ''
    const siteId = row['site_id'] ?? null
    const site = siteId === null ? undefined : slugs.get(siteId)
    if (siteId !== null && site === undefined) continue
    const answer = answerKey(key, value)
    if (answer.kind === 'none') without += 1
    else if (answer.kind === 'otherwise') otherwise.add(`${key} = ${value}: ${answer.text}`)
    else if (answer.value !== null)
      commands.push(
        `tilth config set ${answer.key} ${answer.value}${site === undefined ? '' : ` --site ${site}`}`,
      )
  }
  if (without > 0)
    otherwise.add(`${without} rows of config have no counterpart: paths, services, versions and the like`)
  return { commands, otherwise: [...otherwise] }
}

function column(row: Row, name: string, table: string): string {
  const value = row[name]
  if (value !== undefined && value !== null) return value
  throw new ProcessingError(
    'TABLES_INVALID',
    `A row of table ${table} has no ${name}; it has ${Object.keys(row).join(', ')}.`,
  )
}

/** YYYY-MM-DD of a date or timestamp. */
function day(row: Row, name: string): string {
  const text = column(row, name, 'season')
  const found = /^\d{4}-\d{2}-\d{2}/.exec(text)?.[0]
  if (found === undefined)
    throw new ProcessingError('TABLES_INVALID', `Table season has ${name} '${text}', expected YYYY-MM-DD.`)
  return found
}

/** `{31TCJ,31TDJ}`. */
const tilesOf = (array: string): string[] =>
  array
    .replace(/^\{|\}$/g, '')
    .split(',')
    .map((tile) => tile.trim().replaceAll('"', ''))
    .filter((tile) => tile !== '')

/** Absent: enabled, as the columns default to. */
const isTrue = (text: string | null | undefined): boolean => text == null || /^(t|true|1)$/i.test(text)
