import { checkArea } from '../../domain/check-area.js'
import { EdgeIndex } from '../../domain/edge-index.js'
import { ProcessingError } from '../../domain/errors.js'
import { polygonsOf, shiftRing, type GeoJsonArea, type PolygonRings } from '../../domain/polygon.js'
import { intersectPolygons } from '../../raster/polygon-overlay.js'
import { areaOfJson } from './parse-geojson.js'

/**
 * The part of an area within a mask, both in degrees on any turn of the globe; null where they share none. The result lies on the turn of
 * the area, longitudes continuous. Slivers below 1e-9 square degrees (10 m2) are dropped.
 */
export function clipArea(area: GeoJsonArea, mask: GeoJsonArea): GeoJsonArea | null {
  const polygons = polygonsOf(area)
  const boxes = polygons.map((rings) => new EdgeIndex(rings))
  const west = Math.min(...boxes.map((box) => box.west))
  const east = Math.max(...boxes.map((box) => box.east))
  const masks = polygonsOf(mask).flatMap((rings) => {
    const span = new EdgeIndex(rings)
    const turns: PolygonRings[] = []
    for (let turn = Math.ceil((west - span.east) / 360); span.west + turn * 360 <= east; turn++)
      turns.push(rings.map((ring) => shiftRing(ring, turn * 360)))
    return turns
  })
  if (masks.length === 0) return null
  const found = areaOfJson({ type: 'MultiPolygon', coordinates: intersectPolygons(polygons, masks) })
  if (found?.type !== 'MultiPolygon')
    throw new ProcessingError('INTERNAL', 'An intersection of polygons came out as something else.')
  const parts = found.coordinates.filter((rings) => Math.abs(ringArea(rings)) > 1e-9)
  const [only] = parts
  if (only === undefined) return null
  return checkArea(
    parts.length === 1
      ? { type: 'Polygon', coordinates: only }
      : { type: 'MultiPolygon', coordinates: parts },
  )
}

/** Of the outer ring, square degrees. */
function ringArea([ring = []]: PolygonRings): number {
  const [x0, y0] = ring[0] ?? [0, 0]
  return ring.reduce((sum, [x, y], i) => {
    const [px, py] = ring[i - 1] ?? [x, y]
    return sum + ((px - x0) * (y - y0) - (x - x0) * (py - y0)) / 2
  }, 0)
}
