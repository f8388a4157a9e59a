import { ProcessingError } from './errors.js'
import { normalizeLongitude } from './utm.js'

/** Longitude and latitude, degrees WGS 84. */
export type Position = readonly [number, number]
export type Ring = readonly Position[]
/** Outer ring, then holes. */
export type PolygonRings = readonly Ring[]

export type GeoJsonArea =
  | { readonly type: 'Polygon'; readonly coordinates: PolygonRings }
  | { readonly type: 'MultiPolygon'; readonly coordinates: readonly PolygonRings[] }

/** West, south, east, north in degrees; east > 180 where the area crosses the antimeridian. */
export type Bbox = readonly [number, number, number, number]

/** Polygons of an area with continuous longitudes (see `unwrapRing`). */
export function polygonsOf(area: GeoJsonArea): readonly PolygonRings[] {
  const polygons = area.type === 'Polygon' ? [area.coordinates] : area.coordinates
  return polygons.map((rings) => {
    const unwrapped = rings.map(unwrapRing)
    const outer = unwrapped[0]?.[0]?.[0] ?? 0
    // A hole must lie on the same turn of the globe as its outer ring.
    return unwrapped.map((ring) => shiftRing(ring, Math.round((outer - (ring[0]?.[0] ?? outer)) / 360) * 360))
  })
}

/**
 * Makes the longitudes of a ring continuous: an edge that jumps by more than half the globe, but not around it, is one across
 * the antimeridian (179 to -179 goes on to 181). RFC 7946 wants such areas cut in two, which works as well.
 */
export function unwrapRing(ring: Ring): Ring {
  let turn = 0
  return ring.map(([lon, lat], i) => {
    const before = ring[i - 1]
    if (before !== undefined) {
      const jump = lon - before[0]
      if (Math.abs(jump) > 180 && Math.abs(jump) < 360) turn -= Math.sign(jump) * 360
    }
    return [lon + turn, lat]
  })
}

export function shiftRing(ring: Ring, degrees: number): Ring {
  return degrees === 0 ? ring : ring.map(([lon, lat]) => [lon + degrees, lat])
}

/** The smallest box in longitude: parts on both sides of the antimeridian are put side by side. West is in [-180, 180). */
export function bboxOf(area: GeoJsonArea): Bbox {
  const spans = polygonsOf(area).map((rings) => {
    const outer = rings[0] ?? []
    const lons = outer.map((p) => p[0])
    const lats = outer.map((p) => p[1])
    const west = lons.reduce((a, b) => Math.min(a, b), Infinity)
    const turn = normalizeLongitude(west) - west
    return {
      west: west + turn,
      east: lons.reduce((a, b) => Math.max(a, b), -Infinity) + turn,
      south: lats.reduce((a, b) => Math.min(a, b), Infinity),
      north: lats.reduce((a, b) => Math.max(a, b), -Infinity),
    }
  })
  const south = Math.min(...spans.map((s) => s.south))
  const north = Math.max(...spans.map((s) => s.north))
  // Begin at each part in turn and put those that lie west of it one turn further east.
  let best: Bbox | undefined
  for (const start of spans) {
    const east = Math.max(...spans.map((s) => (s.west < start.west ? s.east + 360 : s.east)))
    if (best === undefined || east - start.west < best[2] - best[0]) best = [start.west, south, east, north]
  }
  if (best === undefined) throw invalid('The area has no polygon.')
  return best
}

/** Checks an area: closed rings of at least 4 positions in range, with an area, none crossing itself or another ring, holes inside. Throws GEOMETRY_INVALID. */
export function checkArea(area: GeoJsonArea): void {
  const polygons = polygonsOf(area)
  if (polygons.length === 0) throw invalid('The area is empty: it has no polygon.')
  for (const [p, rings] of polygons.entries()) {
    if (rings.length === 0) throw invalid(`Polygon ${p + 1} is empty: it has no ring.`)
    for (const [r, ring] of rings.entries()) checkRing(ring, `Ring ${r + 1} of polygon ${p + 1}`)
    const crossing = findCrossing(rings)
    if (crossing !== null)
      throw invalid(
        `Polygon ${p + 1} crosses itself near longitude ${crossing[0].toFixed(5)}, latitude ${crossing[1].toFixed(5)}. Repair it, for example with ogr2ogr -makevalid.`,
      )
    const [outer, ...holes] = rings
    for (const [h, hole] of holes.entries())
      if (outer !== undefined && !hole.some((position) => isInside(position, [outer])))
        throw invalid(`Hole ${h + 1} of polygon ${p + 1} lies outside its outer ring.`)
  }
}

function checkRing(ring: Ring, name: string): void {
  if (ring.length < 4)
    throw invalid(
      `${name} has ${ring.length} positions, expected at least 4 with the first repeated at the end.`,
    )
  for (const [lon, lat] of ring) {
    if (!(lon >= -360 && lon <= 540) || !(lat >= -90 && lat <= 90))
      throw invalid(
        `${name} has the position (${lon}, ${lat}), expected longitude and latitude in degrees. Reproject it to EPSG:4326 first.`,
      )
  }
  const first = ring[0]
  const last = ring.at(-1)
  if (first === undefined || last === undefined || first[0] !== last[0] || first[1] !== last[1])
    throw invalid(`${name} is not closed: its last position must repeat its first.`)
  if (Math.abs(signedArea(ring)) < 1e-12)
    throw invalid(`${name} has no area: it is a line, or it crosses itself and its parts cancel out.`)
}

/** Area in square degrees, positive when counter-clockwise. */
function signedArea(ring: Ring): number {
  const [x0, y0] = ring[0] ?? [0, 0]
  let sum = 0
  for (let i = 1; i < ring.length; i++) {
    const [xa, ya] = ring[i - 1] ?? [x0, y0]
    const [xb, yb] = ring[i] ?? [x0, y0]
    // Relative to the first corner: differences of small areas far from (0, 0) would cancel.
    sum += (xa - x0) * (yb - y0) - (xb - x0) * (ya - y0)
  }
  return sum / 2
}

/** Even-odd rule over all rings; positions on an edge may fall either way. */
export function isInside([x, y]: Position, rings: PolygonRings): boolean {
  let inside = false
  for (const ring of rings)
    for (let i = 1; i < ring.length; i++) {
      const [xa, ya] = ring[i - 1] ?? [0, 0]
      const [xb, yb] = ring[i] ?? [0, 0]
      if (ya > y !== yb > y && x < ((xb - xa) * (y - ya)) / (yb - ya) + xa) inside = !inside
    }
  return inside
}

interface Edge {
  readonly a: Position
  readonly b: Position
  readonly ring: number
  readonly index: number
  readonly count: number
  readonly west: number
  readonly east: number
}

/** A place where two edges cross, or overlap along a line; touching in a single point is allowed. Sweeps from west to east. */
function findCrossing(rings: PolygonRings): Position | null {
  const edges = rings.flatMap((ring, r) =>
    ring.slice(1).flatMap((b, index): Edge[] => {
      const a = ring[index] ?? b
      if (a[0] === b[0] && a[1] === b[1]) return []
      return [
        {
          a,
          b,
          ring: r,
          index,
          count: ring.length - 1,
          west: Math.min(a[0], b[0]),
          east: Math.max(a[0], b[0]),
        },
      ]
    }),
  )
  edges.sort((p, q) => p.west - q.west)
  let active: Edge[] = []
  for (const edge of edges) {
    active = active.filter((other) => other.east >= edge.west)
    for (const other of active) if (cross(edge, other)) return edge.a
    active.push(edge)
  }
  return null
}

function cross(p: Edge, q: Edge): boolean {
  const d1 = side(q.a, q.b, p.a)
  const d2 = side(q.a, q.b, p.b)
  const d3 = side(p.a, p.b, q.a)
  const d4 = side(p.a, p.b, q.b)
  if (d1 * d2 < 0 && d3 * d4 < 0) return true
  if (d1 !== 0 || d2 !== 0) return false
  // On one line: more than a point in common means a spike or a doubled edge.
  const axis = Math.abs(p.b[0] - p.a[0]) >= Math.abs(p.b[1] - p.a[1]) ? 0 : 1
  const low = Math.max(Math.min(p.a[axis], p.b[axis]), Math.min(q.a[axis], q.b[axis]))
  const high = Math.min(Math.max(p.a[axis], p.b[axis]), Math.max(q.a[axis], q.b[axis]))
  return high > low
}

function side(a: Position, b: Position, c: Position): number {
  return Math.sign((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))
}

function invalid(message: string): ProcessingError {
  return new ProcessingError('GEOMETRY_INVALID', message)
}
