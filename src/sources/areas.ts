import { bboxOf, polygonsOf, type Bbox, type GeoJsonArea, type Ring } from '../domain/polygon.js'

/** Services refuse long requests: an area with more corners is asked for by its box. */
const MOST_CORNERS = 300

/** An area as a service takes it: the polygon itself, or its box where it has too many corners or crosses the antimeridian. Pure. */
export function searchArea(
  area: GeoJsonArea,
  how: 'intersects' | 'bbox',
): { readonly polygon: GeoJsonArea } | { readonly boxes: readonly Bbox[] } {
  const rings = polygonsOf(area).flat()
  const corners = rings.reduce((sum, ring) => sum + ring.length, 0)
  const [west, south, east, north] = bboxOf(area)
  const isPlain = rings.every((ring) => ring.every(([lon]) => lon >= -180 && lon <= 180))
  if (how === 'intersects' && corners <= MOST_CORNERS && isPlain) return { polygon: area }
  // RFC 7946, section 3.1.9: what crosses the antimeridian is cut there.
  return {
    boxes:
      east <= 180
        ? [[west, south, east, north]]
        : [
            [west, south, 180, north],
            [-180, south, east - 360, north],
          ],
  }
}

/** A box as a closed ring. */
export const ringOf = ([west, south, east, north]: Bbox): Ring => [
  [west, south],
  [east, south],
  [east, north],
  [west, north],
  [west, south],
]

/** Well-known text of areas (OGC 06-103r4), as OData takes it. Pure. */
export function wktOf(area: GeoJsonArea): string {
  const ring = (r: Ring) => `(${r.map(([x, y]) => `${x} ${y}`).join(',')})`
  const polygon = (rings: readonly Ring[]) => `(${rings.map(ring).join(',')})`
  return area.type === 'Polygon'
    ? `POLYGON${polygon(area.coordinates)}`
    : `MULTIPOLYGON(${area.coordinates.map(polygon).join(',')})`
}
