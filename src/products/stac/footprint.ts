/** A position: longitude in [-180, 180], latitude in [-90, 90], degrees of WGS 84. */
export type LonLat = readonly [number, number]

export type FootprintGeometry =
  | { readonly type: 'Polygon'; readonly coordinates: readonly (readonly LonLat[])[] }
  | { readonly type: 'MultiPolygon'; readonly coordinates: readonly (readonly (readonly LonLat[])[])[] }

export interface Footprint {
  readonly geometry: FootprintGeometry
  /** [west, south, east, north]; west > east where the antimeridian is crossed (RFC 7946, section 5.2). */
  readonly bbox: readonly [number, number, number, number]
}

/** 1e-6 degrees, about 0.1 m: more digits would pretend. */
const rounded = ([lon, lat]: LonLat): LonLat => [Math.round(lon * 1e6) / 1e6, Math.round(lat * 1e6) / 1e6]

/**
 * GeoJSON of a ring of longitudes and latitudes (closed or not, any winding, narrower than 180 degrees, no pole inside). A ring
 * across the antimeridian becomes two polygons that meet there (RFC 7946, section 3.1.9); outer rings run counter-clockwise.
 */
export function footprintOf(ring: readonly LonLat[]): Footprint {
  const unrolled = unroll(ring)
  const west = Math.min(...unrolled.map(([lon]) => lon))
  const east = Math.max(...unrolled.map(([lon]) => lon))
  const south = Math.min(...ring.map(([, lat]) => lat))
  const north = Math.max(...ring.map(([, lat]) => lat))
  const box = (w: number, e: number): Footprint['bbox'] => [...rounded([w, south]), ...rounded([e, north])]
  if (east <= 180)
    return { geometry: { type: 'Polygon', coordinates: [closed(unrolled)] }, bbox: box(west, east) }
  const before = closed(cut(unrolled, 180, -1))
  const after = closed(cut(unrolled, 180, 1).map(([lon, lat]): LonLat => [lon - 360, lat]))
  return { geometry: { type: 'MultiPolygon', coordinates: [[before], [after]] }, bbox: box(west, east - 360) }
}

/** Without jumps of 360 degrees, the westernmost longitude in [-180, 180). */
function unroll(ring: readonly LonLat[]): LonLat[] {
  let previous = ring[0]?.[0] ?? 0
  const continuous = ring.map(([lon, lat]): LonLat => {
    previous = lon - 360 * Math.round((lon - previous) / 360)
    return [previous, lat]
  })
  const west = Math.min(...continuous.map(([lon]) => lon))
  const shift = -360 * Math.floor((west + 180) / 360)
  return continuous.map(([lon, lat]) => [lon + shift, lat])
}

/** The part of a polygon on one side of a meridian (side -1 west, 1 east). Sutherland and Hodgman (1974), CACM 17(1), 32-42. */
function cut(ring: readonly LonLat[], meridian: number, side: 1 | -1): LonLat[] {
  const out: LonLat[] = []
  const isInside = ([lon]: LonLat): boolean => side * (lon - meridian) >= 0
  ring.forEach((b, i) => {
    const a = ring.at(i - 1) ?? b
    if (isInside(a) !== isInside(b)) {
      const t = (meridian - a[0]) / (b[0] - a[0])
      out.push([meridian, a[1] + t * (b[1] - a[1])])
    }
    if (isInside(b)) out.push(b)
  })
  return out
}

function closed(ring: readonly LonLat[]): LonLat[] {
  const points = ring.map(rounded).filter((p, i, all) => {
    const q = all.at(i - 1)
    return i === 0 || q?.[0] !== p[0] || q[1] !== p[1]
  })
  const [first, last] = [points[0], points.at(-1)]
  if (points.length > 1 && first?.[0] === last?.[0] && first?.[1] === last?.[1]) points.pop()
  const doubledArea = points.reduce((sum, [x, y], i) => {
    const [px, py] = points.at(i - 1) ?? [x, y]
    return sum + px * y - x * py
  }, 0)
  if (doubledArea < 0) points.reverse()
  return points.slice(0, 1).length === 0 ? [] : [...points, points[0] ?? [0, 0]]
}
