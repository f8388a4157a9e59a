import { resolve } from 'node:path'
import { parse, TomlError } from 'smol-toml'
import { z } from 'zod'
import {
  checkScope,
  checkSetting,
  settingKey,
  type SettingKey,
  type SettingValue,
} from '../../config/settings.js'
import type { Satellite } from '../../db/catalog/site-tiles.js'
import type { SeasonRow } from '../../db/catalog/sites.js'
import { checkArea } from '../../domain/check-area.js'
import { ProcessingError } from '../../domain/errors.js'
import type { GeoJsonArea } from '../../domain/polygon.js'
import { tileName } from '../../domain/tile-name.js'
import { parseArea } from '../../products/areas/parse-area.js'
import { areasOfGeoJson, joinAreas } from '../../products/areas/parse-geojson.js'
import { looksLikeWkt } from '../../products/areas/parse-wkt.js'
import { readAreaFile } from '../../products/areas/read-area-file.js'
import { checkSeasons, seasonOf } from '../seasons.js'
import { checkSlug } from '../sites.js'
import { locateToml, type TomlPath } from './locate-toml.js'
import type { Problem, SiteDocument, TileFilter } from './site-document.js'

/** A TOML date comes as Date, which prints as the text that was written. */
const day = z.union([z.string(), z.date().transform((date) => date.toISOString().slice(0, 10))])
const tiles = z.array(z.string())
const filter = z
  .strictObject({ only: tiles.optional(), add: tiles.default([]), off: tiles.default([]) })
  .refine(
    (f) => f.only === undefined || f.add.length + f.off.length === 0,
    'only goes with neither add nor off',
  )
const parts = {
  slug: z.string(),
  name: z.string().min(1).optional(),
  geometry: z.union([z.string(), z.looseObject({ type: z.string() })]).optional(),
  paused: z.boolean().optional(),
  season: z.array(z.strictObject({ name: z.string(), start: day, end: day, mid: day.optional() })).optional(),
  tiles: z.strictObject({ s2: filter.optional(), landsat: filter.optional() }).optional(),
  settings: z.looseObject({}).optional(),
}
const subSite = z.strictObject(parts)
const file = z.strictObject({
  site: z.array(z.strictObject({ ...parts, sub_site: z.array(subSite).optional() })).default([]),
})
type RawSite = z.infer<typeof subSite> & {
  readonly sub_site?: readonly z.infer<typeof subSite>[] | undefined
}

/**
 * Reads a file of sites. Paths of geometries are relative to `folder`. All mistakes are found at once, each with its line; the
 * documents are those that could be read in spite of them. Throws nothing for what the file says.
 */
export async function parseSiteFile(
  text: string,
  folder: string,
): Promise<{ readonly documents: readonly SiteDocument[]; readonly problems: readonly Problem[] }> {
  let toml: unknown
  try {
    toml = parse(text)
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause
    const message = `no TOML, column ${cause.column}: ${cause.message.split('\n')[0] ?? ''}`
    return { documents: [], problems: [{ line: cause.line, message }] }
  }
  const lineOf = locateToml(text)
  const problems: Problem[] = []
  const parsed = file.safeParse(toml)
  if (!parsed.success) {
    for (const issue of parsed.error.issues)
      for (const path of issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => [...issue.path, key])
        : [issue.path])
        problems.push({ line: lineOf(path), message: describe(path, issue) })
    return { documents: [], problems: sorted(problems) }
  }
  const reader = new Reader(folder, lineOf, problems)
  const documents: SiteDocument[] = []
  for (const [i, raw] of parsed.data.site.entries()) {
    const subSites: SiteDocument[] = []
    for (const [j, child] of (raw.sub_site ?? []).entries())
      subSites.push(await reader.site(child, ['site', i, 'sub_site', j]))
    const site = await reader.site(raw, ['site', i])
    documents.push(raw.sub_site === undefined ? site : { ...site, subSites })
  }
  const seen = new Map<string, number>()
  for (const { slug, line } of documents.flatMap((site) => [site, ...(site.subSites ?? [])])) {
    const before = seen.get(slug)
    if (before !== undefined) problems.push({ line, message: `site '${slug}' is on line ${before} already` })
    else seen.set(slug, line)
  }
  return { documents, problems: sorted(problems) }
}

const sorted = (problems: readonly Problem[]): readonly Problem[] =>
  [...problems].sort((a, b) => a.line - b.line)

function describe(path: TomlPath, issue: { readonly code: string; readonly message: string }): string {
  const key = path.filter((part) => typeof part === 'string').join('.')
  return issue.code === 'unrecognized_keys' ? `'${key}' is not known here` : `'${key}': ${issue.message}`
}

class Reader {
  constructor(
    private readonly folder: string,
    private readonly lineOf: (path: TomlPath) => number,
    private readonly problems: Problem[],
  ) {}

  async site(raw: RawSite, path: TomlPath): Promise<SiteDocument> {
    const { slug, name, paused } = raw
    await this.at([...path, 'slug'], () => checkSlug(slug))
    const area = raw.geometry === undefined ? undefined : await this.area(raw.geometry, [...path, 'geometry'])
    const seasons = raw.season === undefined ? undefined : await this.seasons(slug, raw.season, path)
    const filters: Partial<Record<Satellite, TileFilter>> = {}
    for (const satellite of ['s2', 'landsat'] as const) {
      const given = raw.tiles?.[satellite]
      if (given === undefined) continue
      const names = (list: readonly string[], key: string) =>
        this.tiles(satellite, list, [...path, 'tiles', satellite, key])
      filters[satellite] = {
        ...(given.only === undefined ? {} : { only: await names(given.only, 'only') }),
        add: await names(given.add, 'add'),
        off: await names(given.off, 'off'),
      }
    }
    const settings =
      raw.settings === undefined ? undefined : await this.settings(slug, raw.settings, [...path, 'settings'])
    return {
      slug,
      line: this.lineOf(path),
      ...(name === undefined ? {} : { name }),
      ...(paused === undefined ? {} : { paused }),
      ...(area === undefined ? {} : { area }),
      ...(seasons === undefined ? {} : { seasons }),
      ...(raw.tiles === undefined ? {} : { tiles: filters }),
      ...(settings === undefined ? {} : { settings }),
    }
  }

  /** Does work; a mistake becomes a problem on the line of its place. */
  private async at<T>(path: TomlPath, work: () => T | Promise<T>): Promise<T | undefined> {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof ProcessingError) || error.code === 'INTERNAL') throw error
      this.problems.push({ line: this.lineOf(path), message: error.message })
      return undefined
    }
  }

  private area(geometry: string | object, path: TomlPath): Promise<GeoJsonArea | undefined> {
    return this.at(path, () => {
      if (typeof geometry !== 'string') return checkArea(joinAreas(areasOfGeoJson(geometry)))
      const isText = looksLikeWkt(geometry) || geometry.trimStart().startsWith('{')
      return isText ? parseArea(geometry) : readAreaFile(resolve(this.folder, geometry))
    })
  }

  private async seasons(
    slug: string,
    raw: NonNullable<RawSite['season']>,
    path: TomlPath,
  ): Promise<readonly SeasonRow[]> {
    const rows: SeasonRow[] = []
    for (const [i, { name, start, end, mid }] of raw.entries())
      await this.at([...path, 'season', i], () => {
        const row = seasonOf({
          name,
          startsOn: start,
          endsOn: end,
          ...(mid === undefined ? {} : { midOn: mid }),
        })
        checkSeasons(slug, [...rows, row])
        rows.push(row)
      })
    return rows
  }

  private async tiles(
    satellite: Satellite,
    list: readonly string[],
    path: TomlPath,
  ): Promise<readonly string[]> {
    const found: string[] = []
    for (const text of list)
      await this.at(path, () => {
        const name = tileName(text)
        if (name.satellite !== satellite)
          throw new ProcessingError('TILE_UNKNOWN', `'${text}' is no tile of ${satellite}.`)
        found.push(name.tile)
      })
    return [...new Set(found)]
  }

  private async settings(
    slug: string,
    raw: Record<string, unknown>,
    path: TomlPath,
  ): Promise<Partial<Record<SettingKey, SettingValue>>> {
    const found: Partial<Record<SettingKey, SettingValue>> = {}
    for (const [keys, value] of leaves(raw, []))
      await this.at([...path, ...keys], () => {
        const key = settingKey(keys.join('.'))
        checkScope(key, slug)
        found[key] = checkSetting(key, value)
      })
    return found
  }
}

/** `a.b = 1`, `"a.b" = 1` and `[settings.a] b = 1` are the same setting. */
function leaves(
  table: object,
  before: readonly string[],
): readonly (readonly [readonly string[], unknown])[] {
  return Object.entries(table).flatMap(([key, value]: [string, unknown]) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
      ? leaves(value, [...before, key])
      : [[[...before, key], value] as const],
  )
}
