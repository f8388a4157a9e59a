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
  if (best === undefined) throw new ProcessingError('GEOMETRY_INVALID', 'The area has no polygon.')
  return best
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
