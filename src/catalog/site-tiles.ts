import {
  listOwnTiles,
  listSiteTiles,
  replaceOwnTiles,
  type Satellite,
  type SiteTileRow,
  type TileRow,
} from '../db/catalog/site-tiles.js'
import { lockSites } from '../db/catalog/sites.js'
import type { Database } from '../db/connect.js'
import { ProcessingError } from '../domain/errors.js'
import type { GeoJsonArea } from '../domain/polygon.js'
import { tileName, type TileName } from '../domain/tile-name.js'
import { tilesTouching } from '../domain/tiles-touching.js'
import { wrs2Touching } from '../domain/wrs2.js'
import { getSite, siteArea } from './find-site.js'

export type { Satellite, SiteTileRow, TileRow } from '../db/catalog/site-tiles.js'
export const SATELLITES: readonly Satellite[] = ['landsat', 's2']

/** Tiles of both satellites that an area touches; of Landsat those passed by day. Throws GEOMETRY_INVALID where there is none at all. */
export function touchedTiles(area: GeoJsonArea, slug: string): readonly TileName[] {
  const s2 = tilesTouching(area).map(({ tile }) => ({ satellite: 's2' as const, tile }))
  const landsat = wrs2Touching(area).map(({ tile }) => ({ satellite: 'landsat' as const, tile }))
  if (s2.length + landsat.length === 0)
    throw new ProcessingError(
      'GEOMETRY_INVALID',
      `The area of site '${slug}' touches no tile: Sentinel-2's grid ends at 84 degrees north and south, Landsat's near 83.`,
    )
  return [...landsat, ...s2]
}

/**
 * A site's own rows after its area has become one that touches `touched`: tiles that it no longer touches go, new ones come enabled, others
 * keep their filter. Tiles added by hand stay. Pure.
 */
export function followArea(before: readonly TileRow[], touched: readonly TileName[]): readonly TileRow[] {
  const auto = new Set(touched.map(keyOf))
  const known = new Map(before.map((row) => [keyOf(row), row]))
  return inOrder([
    ...before.filter((row) => row.origin === 'manual' && !auto.has(keyOf(row))),
    ...touched.map(({ satellite, tile }) => ({
      satellite,
      tile,
      origin: 'auto' as const,
      enabled: known.get(keyOf({ satellite, tile }))?.enabled ?? true,
    })),
  ])
}

export interface TileFilterChange {
  /** The filter of the satellites named is exactly this: others of the area are switched off, others added by hand removed. */
  readonly only?: readonly string[]
  /** Tiles, or `s2` or `landsat` for all that the area touches. */
  readonly enable?: readonly string[]
  readonly disable?: readonly string[]
}

/** Own rows after a change of the filter; `touched` are the tiles of the area. Pure. Throws TILE_UNKNOWN. */
export function changeFilter(
  before: readonly TileRow[],
  change: TileFilterChange,
  touched: readonly TileName[],
): readonly TileRow[] {
  const rows = new Map(before.map((row) => [keyOf(row), row]))
  const auto = new Set(touched.map(keyOf))
  const set = (name: TileName, enabled: boolean) => {
    const key = keyOf(name)
    const origin = rows.get(key)?.origin ?? (auto.has(key) ? 'auto' : 'manual')
    rows.set(key, { ...name, origin, enabled })
  }
  const only = (change.only ?? []).map(tileName)
  const isBounded = new Set(only.map(({ satellite }) => satellite))
  for (const [key, row] of rows)
    if (isBounded.has(row.satellite)) {
      if (row.origin === 'manual') rows.delete(key)
      else rows.set(key, { ...row, enabled: false })
    }
  for (const name of only) set(name, true)
  for (const text of change.enable ?? [])
    for (const name of isSatellite(text) ? touched.filter((t) => t.satellite === text) : [tileName(text)])
      set(name, true)
  for (const text of change.disable ?? [])
    for (const name of isSatellite(text)
      ? [...rows.values()].filter((row) => row.satellite === text)
      : [tileName(text)])
      set({ satellite: name.satellite, tile: name.tile }, false)
  return inOrder([...rows.values()])
}

const isSatellite = (text: string): text is Satellite => SATELLITES.some((name) => name === text)
export const keyOf = ({ satellite, tile }: TileName): string => `${satellite} ${tile}`
const inOrder = (rows: readonly TileRow[]): readonly TileRow[] =>
  [...rows].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))

/** Tiles of a site and its sub-sites with their filter, each once. Throws NOT_FOUND. */
export async function siteTiles(db: Database, slug: string): Promise<readonly SiteTileRow[]> {
  return listSiteTiles(db, (await getSite(db, slug)).id)
}

/** Changes a site's own tile filter. Throws NOT_FOUND, TILE_UNKNOWN. */
export async function setSiteTiles(
  db: Database,
  slug: string,
  change: TileFilterChange,
): Promise<readonly SiteTileRow[]> {
  const site = await getSite(db, slug)
  const touched = touchedTiles(await siteArea(db, site), slug)
  await db.transaction().execute(async (tx) => {
    await lockSites(tx)
    await replaceOwnTiles(tx, site.id, changeFilter(await listOwnTiles(tx, site.id), change, touched))
  })
  return listSiteTiles(db, site.id)
}
