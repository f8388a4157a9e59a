import { z } from 'zod'
import type { Database } from '../db/connect.js'
import {
  insertSeason,
  insertSite,
  listSites as selectSites,
  type SeasonRow,
  type SiteRow,
} from '../db/catalog/sites.js'
import {
  enableOnlyTiles,
  listSiteTiles,
  upsertSiteTiles,
  type SiteTileRow,
} from '../db/catalog/site-tiles.js'
import { ProcessingError } from '../domain/errors.js'
import { tileSquare } from '../domain/mgrs.js'
import { bboxOf, checkArea, type GeoJsonArea, type PolygonRings } from '../domain/polygon.js'
import { tilesTouching } from '../domain/tiles-touching.js'

export type { SeasonRow, SiteRow } from '../db/catalog/sites.js'
export type { SiteTileRow } from '../db/catalog/site-tiles.js'

const position = z
  .tuple([z.number(), z.number()])
  .rest(z.number())
  .transform(([lon, lat]) => [lon, lat] as const)
const rings = z.array(z.array(position))
const areaSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('Polygon'), coordinates: rings }),
  z.object({ type: z.literal('MultiPolygon'), coordinates: z.array(rings) }),
])
const feature = z.object({ type: z.literal('Feature'), geometry: areaSchema })
const documentSchema = z.union([
  areaSchema,
  feature,
  z.object({ type: z.literal('FeatureCollection'), features: z.array(feature) }),
])

/**
 * Reads GeoJSON text into an area: a Polygon, a MultiPolygon, a Feature of one, or a collection of those, which becomes one
 * MultiPolygon. Heights are dropped. Throws GEOMETRY_INVALID (see `checkArea`), also for text that is no GeoJSON.
 */
export function parseArea(text: string): GeoJsonArea {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw new ProcessingError(
      'GEOMETRY_INVALID',
      `The area is no JSON: ${cause instanceof Error ? cause.message : String(cause)}. Expected GeoJSON.`,
      { cause },
    )
  }
  const parsed = documentSchema.safeParse(json)
  if (!parsed.success)
    throw new ProcessingError(
      'GEOMETRY_INVALID',
      'The area is no GeoJSON Polygon or MultiPolygon, nor a Feature or FeatureCollection of such.',
      { cause: parsed.error },
    )
  const area = areaOf(parsed.data)
  checkArea(area)
  return area
}

function areaOf(document: z.infer<typeof documentSchema>): GeoJsonArea {
  if (document.type === 'Feature') return document.geometry
  if (document.type !== 'FeatureCollection') return document
  const polygons = document.features.flatMap(({ geometry }): readonly PolygonRings[] =>
    geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.coordinates,
  )
  return { type: 'MultiPolygon', coordinates: polygons }
}

/** `Marne à l'Est` -> `marne-a-l-est`. Throws BAD_ARGUMENT where nothing is left. */
export function slugOf(name: string): string {
  const slug = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 63)
    .replace(/-+$/, '')
  if (slug === '')
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `'${name}' has no letter or digit for a slug. Give one with --slug.`,
    )
  return slug
}

export interface AddSiteOptions {
  readonly name: string
  /** Default: made from the name. */
  readonly slug?: string
  readonly area: GeoJsonArea
  /** Slug of the parent site, whose settings this one inherits. */
  readonly parent?: string
}

/** Adds a site and the Sentinel-2 tiles that its area touches, in one transaction. Throws CONFLICT where the slug is taken, NOT_FOUND for the parent, BAD_ARGUMENT. */
export async function addSite(db: Database, options: AddSiteOptions): Promise<SiteRow> {
  const slug = options.slug ?? slugOf(options.name)
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(slug))
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `'${slug}' is no slug: expected 1 to 63 of a-z, 0-9 and -, not beginning with -.`,
    )
  checkArea(options.area)
  const tiles = tilesTouching(options.area).map((square) => square.tile)
  if (tiles.length === 0)
    throw new ProcessingError(
      'GEOMETRY_INVALID',
      `The area of site '${slug}' touches no Sentinel-2 tile; the grid ends at 84 degrees north and south.`,
    )
  const parentId = options.parent === undefined ? null : (await getSite(db, options.parent)).id
  await db.transaction().execute(async (tx) => {
    const id = await insertSite(tx, {
      slug,
      name: options.name,
      parentId,
      geometry: options.area,
      bbox: bboxOf(options.area),
    })
    if (id === null)
      throw new ProcessingError(
        'CONFLICT',
        `There is a site '${slug}' already. Choose another slug with --slug.`,
      )
    await upsertSiteTiles(tx, id, tiles, { origin: 'auto', enabled: true })
  })
  return getSite(db, slug)
}

/** All sites by slug. */
export async function listSites(db: Database): Promise<readonly SiteRow[]> {
  return selectSites(db, null)
}

/** Throws NOT_FOUND. */
export async function getSite(db: Database, slug: string): Promise<SiteRow> {
  const [site] = await selectSites(db, slug)
  if (site === undefined)
    throw new ProcessingError('NOT_FOUND', `There is no site '${slug}'. See \`tilth site list\`.`)
  return site
}

/** Adds a season to a site. Days are YYYY-MM-DD; the middle defaults to half-way. Throws BAD_ARGUMENT, NOT_FOUND, CONFLICT. */
export async function addSeason(
  db: Database,
  slug: string,
  season: { name: string; startsOn: string; endsOn: string; midOn?: string },
): Promise<SeasonRow> {
  const starts = dayOf(season.startsOn)
  const ends = dayOf(season.endsOn)
  const middle = season.midOn === undefined ? Math.round((starts + ends) / 2) : dayOf(season.midOn)
  if (!(starts < middle && middle < ends))
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `Season '${season.name}' runs from ${season.startsOn} over ${textOf(middle)} to ${season.endsOn}; expected start < middle < end.`,
    )
  const row: SeasonRow = {
    name: season.name,
    startsOn: textOf(starts),
    midOn: textOf(middle),
    endsOn: textOf(ends),
  }
  const site = await getSite(db, slug)
  if (!(await insertSeason(db, site.id, row)))
    throw new ProcessingError('CONFLICT', `Site '${slug}' has a season '${season.name}' already.`)
  return row
}

const DAY_MS = 86_400_000
const textOf = (day: number): string => new Date(day * DAY_MS).toISOString().slice(0, 10)

function dayOf(text: string): number {
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
  // Date.parse refuses month 13, but takes 30 February for 1 March.
  if (Number.isNaN(ms) || textOf(ms / DAY_MS) !== text)
    throw new ProcessingError('BAD_ARGUMENT', `'${text}' is no day, expected YYYY-MM-DD.`)
  return ms / DAY_MS
}

/** Tiles of a site with their filter. Throws NOT_FOUND. */
export async function siteTiles(db: Database, slug: string): Promise<readonly SiteTileRow[]> {
  return listSiteTiles(db, (await getSite(db, slug)).id)
}

/** Changes a site's tile filter: `only` replaces it, `enable` and `disable` change single tiles. Throws NOT_FOUND, TILE_UNKNOWN. */
export async function setSiteTiles(
  db: Database,
  slug: string,
  change: { only?: readonly string[]; enable?: readonly string[]; disable?: readonly string[] },
): Promise<readonly SiteTileRow[]> {
  const names = (tiles: readonly string[] | undefined) => [
    ...new Set((tiles ?? []).map((tile) => tileSquare(tile).tile)),
  ]
  const only = change.only === undefined ? null : names(change.only)
  const enable = names(change.enable)
  const disable = names(change.disable)
  const { id } = await getSite(db, slug)
  await db.transaction().execute(async (tx) => {
    if (only !== null) await enableOnlyTiles(tx, id, only)
    await upsertSiteTiles(tx, id, enable, { origin: 'manual', enabled: true })
    await upsertSiteTiles(tx, id, disable, { origin: 'manual', enabled: false })
  })
  return listSiteTiles(db, id)
}
