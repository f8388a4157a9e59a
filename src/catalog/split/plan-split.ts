import type { Satellite, TileRow } from '../../db/catalog/site-tiles.js'
import { ProcessingError } from '../../domain/errors.js'
import { tileSquare } from '../../domain/mgrs.js'
import type { GeoJsonArea, Position, Ring } from '../../domain/polygon.js'
import type { TileName } from '../../domain/tile-name.js'
import { tileFootprint } from '../../domain/tiles-touching.js'
import { wrs2Footprint, wrs2Tile } from '../../domain/wrs2.js'
import type { AreaGroup } from '../../products/areas/read-area-file.js'
import { followArea, keyOf } from '../site-tiles.js'
import { balanceTiles, type PlacedTile } from './balance-tiles.js'

/** How a site is cut into sub-sites. */
export type SplitBy =
  | { readonly kind: 'tile' }
  | { readonly kind: 'landsat-path' }
  | { readonly kind: 'balanced'; readonly parts: number }
  | { readonly kind: 'attribute'; readonly groups: readonly AreaGroup[] }

export interface PlannedChild {
  readonly slug: string
  readonly name: string
  readonly area: GeoJsonArea
  /** Own rows of the child: enabled are those that it takes over. */
  readonly tiles: readonly TileRow[]
}

export interface SplitPlan {
  readonly children: readonly PlannedChild[]
  /** Enabled tiles that no child takes: they stay with the parent. */
  readonly remaining: readonly TileName[]
  /** Parts that make no child, and why. */
  readonly notes: readonly string[]
}

export interface SplitSubject {
  readonly slug: string
  readonly name: string
  readonly area: GeoJsonArea
  /** Own rows. */
  readonly tiles: readonly TileRow[]
}

interface Part {
  /** Added to slug and name. */
  readonly suffix: string
  readonly title: string
  readonly mask: GeoJsonArea
  /** Whether the part wants a tile of the parent that its area touches. */
  readonly wants: (tile: TileName) => boolean
}

/** Geometry that a plan needs from elsewhere: clipping, and the tiles that an area touches. */
export interface SplitGeometry {
  readonly clip: (area: GeoJsonArea, mask: GeoJsonArea) => GeoJsonArea | null
  readonly touched: (area: GeoJsonArea, slug: string) => readonly TileName[]
  readonly slugOf: (text: string) => string
}

/**
 * What a split would make: children with the parent's area clipped to their part, and of the parent's enabled tiles those that they
 * touch. A tile that several children touch belongs to each of them: it is corrected once all the same. Deterministic. Pure. Throws CONFLICT
 * where nothing can be split, BAD_ARGUMENT.
 */
export function planSplit(site: SplitSubject, by: SplitBy, geometry: SplitGeometry): SplitPlan {
  const enabled = new Set(site.tiles.filter((row) => row.enabled).map(keyOf))
  const children: PlannedChild[] = []
  const notes: string[] = []
  for (const part of partsOf(site, by, geometry)) {
    const slug = `${site.slug.slice(0, 62 - part.suffix.length).replace(/-+$/, '')}-${part.suffix}`
    const area = geometry.clip(site.area, part.mask)
    if (area === null) {
      notes.push(`${part.title}: shares no area with the site, no sub-site is made`)
      continue
    }
    const touched = geometry.touched(area, slug)
    const tiles = followArea([], touched).map((row) => ({
      ...row,
      enabled: enabled.has(keyOf(row)) && part.wants(row),
    }))
    if (!tiles.some((row) => row.enabled)) {
      notes.push(`${part.title}: none of its tiles is enabled, no sub-site is made`)
      continue
    }
    children.push({ slug, name: `${site.name} ${part.title}`, area, tiles })
  }
  const taken = new Set(children.flatMap(({ tiles }) => tiles.filter((row) => row.enabled).map(keyOf)))
  const remaining = site.tiles.filter((row) => row.enabled && !taken.has(keyOf(row)))
  if (children.length === 0)
    throw new ProcessingError(
      'CONFLICT',
      `Site '${site.slug}' cannot be split so: ${notes.join('; ') || 'it has no enabled tile of that satellite'}.`,
    )
  const twice = children.find(({ slug }, i) => children.findIndex((other) => other.slug === slug) !== i)
  if (twice !== undefined)
    throw new ProcessingError(
      'CONFLICT',
      `Two parts of site '${site.slug}' would both be called '${twice.slug}'. Give the field values that differ in a-z and 0-9.`,
    )
  return { children, remaining, notes }
}

function partsOf(site: SplitSubject, by: SplitBy, geometry: SplitGeometry): readonly Part[] {
  const enabled = (satellite: Satellite) =>
    site.tiles.filter((row) => row.enabled && row.satellite === satellite).map(({ tile }) => tile)
  const any = () => true
  switch (by.kind) {
    case 'tile':
      return enabled('s2').map((tile) => ({
        suffix: tile.toLowerCase(),
        title: tile,
        mask: maskOf('s2', [tile]),
        wants: (t) => t.satellite === 'landsat' || t.tile === tile,
      }))
    case 'landsat-path': {
      const scenes = enabled('landsat')
      const centres = scenes.map((tile) => placed('landsat', tile))
      return [...new Set(scenes.map((tile) => tile.slice(0, 3)))].map((path) => ({
        suffix: `p${path}`,
        title: `path ${path}`,
        mask: maskOf(
          'landsat',
          scenes.filter((tile) => tile.startsWith(path)),
        ),
        // Neighbouring paths overlap; each Sentinel-2 tile goes to the path of the scene whose centre is nearest.
        wants: (t) =>
          t.satellite === 'landsat'
            ? t.tile.startsWith(path)
            : nearest(placed('s2', t.tile), centres)?.tile.startsWith(path) === true,
      }))
    }
    case 'balanced': {
      const satellite = enabled('s2').length > 0 ? 's2' : 'landsat'
      const tiles = sameTurn(enabled(satellite).map((tile) => placed(satellite, tile)))
      const rings = new Map(tiles.map(({ tile }) => [tile, footprint(satellite, tile)]))
      const touch = (a: PlacedTile, b: PlacedTile) =>
        boxesTouch(rings.get(a.tile) ?? [], rings.get(b.tile) ?? [])
      return balanceTiles(tiles, by.parts, touch).map((part, i) => {
        const names = part.map(({ tile }) => tile)
        return {
          suffix: String(i + 1),
          title: `part ${i + 1}`,
          mask: maskOf(satellite, names),
          wants: (t) => t.satellite !== satellite || names.includes(t.tile),
        }
      })
    }
    case 'attribute':
      return by.groups.map(({ value, area }) => ({
        suffix: geometry.slugOf(value),
        title: value,
        mask: area,
        wants: any,
      }))
  }
}

const footprint = (satellite: Satellite, tile: string): Ring =>
  satellite === 's2' ? tileFootprint(tileSquare(tile)) : wrs2Footprint(wrs2Tile(tile))

const maskOf = (satellite: Satellite, tiles: readonly string[]): GeoJsonArea => ({
  type: 'MultiPolygon',
  coordinates: tiles.map((tile) => [footprint(satellite, tile)]),
})

function placed(satellite: Satellite, tile: string): PlacedTile {
  const ring = footprint(satellite, tile).slice(1)
  const mean = (axis: 0 | 1) => ring.reduce((sum, p) => sum + p[axis], 0) / ring.length
  return { tile, centre: [mean(0), mean(1)] }
}

/** Longitudes within half a turn of the first tile's: next to the antimeridian they come out on either side of it. */
function sameTurn(tiles: readonly PlacedTile[]): readonly PlacedTile[] {
  const west = tiles[0]?.centre[0] ?? 0
  return tiles.map(({ tile, centre: [lon, lat] }) => ({
    tile,
    centre: [lon + Math.round((west - lon) / 360) * 360, lat],
  }))
}

function nearest({ centre }: PlacedTile, others: readonly PlacedTile[]): PlacedTile | undefined {
  const distance = ({ centre: [lon, lat] }: PlacedTile): number => {
    const dx = ((((lon - centre[0] + 540) % 360) + 360) % 360) - 180
    return Math.hypot(dx * Math.cos((lat * Math.PI) / 180), lat - centre[1])
  }
  return [...others].sort((a, b) => distance(a) - distance(b) || (a.tile < b.tile ? -1 : 1))[0]
}

/** Tiles of one grid overlap their neighbours by some kilometres, so boxes tell. */
function boxesTouch(a: Ring, b: Ring): boolean {
  const span = (ring: Ring, axis: 0 | 1) => {
    const values = ring.map((p: Position) => p[axis])
    return [Math.min(...values), Math.max(...values)] as const
  }
  const [aw, ae] = span(a, 0)
  const [bw, be] = span(b, 0)
  const [as, an] = span(a, 1)
  const [bs, bn] = span(b, 1)
  const turn = Math.round((aw - bw) / 360) * 360
  return aw <= be + turn && bw + turn <= ae && as <= bn && bs <= an
}
