import { tileAt, type TileSquare } from './mgrs.js'
import {
  isInside,
  polygonsOf,
  shiftRing,
  type GeoJsonArea,
  type PolygonRings,
  type Position,
  type Ring,
} from './polygon.js'
import { centralMeridian, fromUtm, toUtm } from './utm.js'

/** No tile reaches farther from its zone's central meridian, degrees: at 84 N, 110 km are 10 degrees. */
const REACH_DEG = 16
/** Edges are straight in longitude and latitude (RFC 7946); in steps of this, degrees, UTM bends them by less than a metre. */
const STEP_DEG = 0.05
const ROW_M = 100_000

/**
 * Sentinel-2 tiles (109.8 km squares) that an area touches, by name. Where zones overlap, tiles of both zones are given;
 * areas across the antimeridian may be cut there or not. Pure; some 10 ms for a country.
 */
export function tilesTouching(area: GeoJsonArea): readonly TileSquare[] {
  const polygons = polygonsOf(area)
  const found = new Map<string, TileSquare>()
  for (let zone = 1; zone <= 60; zone++) {
    const meridian = centralMeridian(zone)
    for (const rings of polygons) for (const near of turnsNear(rings, meridian)) collect(found, zone, near)
  }
  return [...found.values()].sort((a, b) => (a.tile < b.tile ? -1 : 1))
}

/** The polygon on each turn of the globe on which it comes within reach of a meridian, cut to that reach. */
function turnsNear(rings: PolygonRings, meridian: number): PolygonRings[] {
  const lons = (rings[0] ?? []).map((p) => p[0])
  const west = lons.reduce((a, b) => Math.min(a, b), Infinity)
  const east = lons.reduce((a, b) => Math.max(a, b), -Infinity)
  const turns: PolygonRings[] = []
  for (
    let turn = Math.ceil((meridian - REACH_DEG - east) / 360);
    west + turn * 360 <= meridian + REACH_DEG;
    turn++
  ) {
    const cut = rings
      .map((ring) =>
        clip(clip(shiftRing(ring, turn * 360), meridian - REACH_DEG, 1), meridian + REACH_DEG, -1),
      )
      .filter((ring) => ring.length >= 4)
    if (cut.length > 0) turns.push(cut)
  }
  return turns
}

/** Sutherland and Hodgman (1974) at one meridian; `sign` 1 keeps what lies east. Edges along the cut are beyond any tile. */
function clip(ring: Ring, lon: number, sign: 1 | -1): Ring {
  const keeps = (p: Position) => sign * (p[0] - lon) >= 0
  if (ring.every(keeps)) return ring
  const kept: Position[] = []
  for (let i = 1; i < ring.length; i++) {
    const a = ring[i - 1]
    const b = ring[i]
    if (a === undefined || b === undefined) continue
    if (keeps(a) !== keeps(b)) kept.push([lon, a[1] + ((lon - a[0]) / (b[0] - a[0])) * (b[1] - a[1])])
    if (keeps(b)) kept.push(b)
  }
  const first = kept[0]
  return first === undefined ? [] : [...kept, first]
}

function collect(found: Map<string, TileSquare>, zone: number, rings: PolygonRings): void {
  // Northing from the equator, so that an area across it is in one piece.
  const projected = rings.map((ring) =>
    densify(ring).map(([lon, lat]): Position => toUtm(lon, Math.max(-89.9, Math.min(89.9, lat)), zone)),
  )
  const northings = projected.flatMap((ring) => ring.map((p) => p[1]))
  const lowest = northings.reduce((a, b) => Math.min(a, b), Infinity)
  const highest = northings.reduce((a, b) => Math.max(a, b), -Infinity)
  for (let row = Math.floor(lowest / ROW_M) - 1; row <= Math.floor(highest / ROW_M) + 1; row++)
    for (let column = 1; column <= 8; column++) {
      const square = tileAt(zone, column, row)
      if (square === null || found.has(square.tile)) continue
      const offset = square.isSouth ? -10_000_000 : 0
      if (touches(projected, [square.xmin, square.ymin + offset, square.xmax, square.ymax + offset]))
        found.set(square.tile, square)
    }
}

type Rectangle = readonly [number, number, number, number]

function touches(rings: PolygonRings, box: Rectangle): boolean {
  for (const ring of rings)
    for (let i = 1; i < ring.length; i++) {
      const a = ring[i - 1]
      const b = ring[i]
      if (a !== undefined && b !== undefined && segmentTouches(a, b, box)) return true
    }
  // No edge comes near: the square is wholly inside or outside (a hole counts as outside).
  return isInside([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2], rings)
}

/** Liang and Barsky (1984): whether a segment has a point in common with a rectangle. */
function segmentTouches(a: Position, b: Position, [xmin, ymin, xmax, ymax]: Rectangle): boolean {
  const dx = b[0] - a[0]
  const dy = b[1] - a[1]
  let enter = 0
  let leave = 1
  for (const [p, q] of [
    [-dx, a[0] - xmin],
    [dx, xmax - a[0]],
    [-dy, a[1] - ymin],
    [dy, ymax - a[1]],
  ] as const) {
    if (p === 0) {
      if (q < 0) return false
    } else if (p < 0) enter = Math.max(enter, q / p)
    else leave = Math.min(leave, q / p)
  }
  return enter <= leave
}

function densify(ring: Ring): Ring {
  return ring.flatMap((b, i): readonly Position[] => {
    const a = ring[i - 1]
    if (a === undefined) return [b]
    const steps = Math.max(1, Math.ceil(Math.max(Math.abs(b[0] - a[0]), Math.abs(b[1] - a[1])) / STEP_DEG))
    return Array.from({ length: steps }, (_, k): Position => {
      const t = (k + 1) / steps
      return k + 1 === steps ? b : [a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])]
    })
  })
}

/** Corners of a tile, longitude and latitude in degrees, closed; longitudes continuous over the antimeridian. */
export function tileFootprint(square: TileSquare): Ring {
  const { xmin, xmax, ymin, ymax, zone, isSouth } = square
  const meridian = centralMeridian(zone)
  return (
    [
      [xmin, ymax],
      [xmin, ymin],
      [xmax, ymin],
      [xmax, ymax],
      [xmin, ymax],
    ] as const
  ).map(([x, y]) => {
    const [lon, lat] = fromUtm(x, y, zone, isSouth)
    return [lon + Math.round((meridian - lon) / 360) * 360, lat]
  })
}
