import { EdgeIndex } from './edge-index.js'
import { ProcessingError } from './errors.js'
import { findCrossing } from './find-crossing.js'
import { polygonsOf, type GeoJsonArea, type PolygonRings, type Position, type Ring } from './polygon.js'

/**
 * The area as it is stored, or GEOMETRY_INVALID with the place and what to do. Checked: positions are finite and in range, rings closed
 * with an area, none crosses itself or another ring of its polygon, holes lie inside. What has only one meaning is put right without a
 * word: repeated positions are dropped, outer rings turned counter-clockwise and holes clockwise (RFC 7946, section 3.1.6, tells
 * readers not to refuse the other way round). Polygons of one area may overlap: together they are the area.
 */
export function checkArea(area: GeoJsonArea): GeoJsonArea {
  const polygons = (area.type === 'Polygon' ? [area.coordinates] : area.coordinates).map((rings) =>
    rings.map(withoutRepeats),
  )
  if (polygons.length === 0) throw invalid('The area is empty: it has no polygon.')
  for (const [p, rings] of polygons.entries()) {
    if (rings.length === 0) throw invalid(`Polygon ${p + 1} is empty: it has no ring.`)
    for (const [r, ring] of rings.entries()) checkPositions(ring, `Ring ${r + 1} of polygon ${p + 1}`)
  }
  const unwrapped = polygonsOf({ type: 'MultiPolygon', coordinates: polygons })
  for (const [p, rings] of unwrapped.entries()) checkPolygon(rings, p)
  const turned = polygons.map((rings, p) =>
    rings.map((ring, r) => {
      const isCounterClockwise = signedArea(unwrapped[p]?.[r] ?? []) > 0
      return isCounterClockwise === (r === 0) ? ring : [...ring].reverse()
    }),
  )
  const [first] = turned
  return area.type === 'Polygon' && first !== undefined
    ? { type: 'Polygon', coordinates: first }
    : { type: 'MultiPolygon', coordinates: turned }
}

function withoutRepeats(ring: Ring): Ring {
  return ring.filter((p, i) => {
    const before = ring[i - 1]
    return before === undefined || p[0] !== before[0] || p[1] !== before[1]
  })
}

function checkPositions(ring: Ring, name: string): void {
  for (const position of ring) {
    const [lon, lat] = position
    if (!Number.isFinite(lon) || !Number.isFinite(lat))
      throw invalid(`${name} has the position (${lon}, ${lat}); expected finite numbers.`)
    if (!(lon >= -360 && lon <= 540) || !(lat >= -90 && lat <= 90))
      throw invalid(
        `${name} has the position (${lon}, ${lat}), expected longitude and latitude in degrees WGS 84. ${hintFor(position)}`,
      )
  }
  const first = ring[0]
  const last = ring.at(-1)
  if (first === undefined) throw invalid(`${name} is empty.`)
  if (last === undefined || first[0] !== last[0] || first[1] !== last[1])
    throw invalid(`${name} is not closed: its last position must repeat its first.`)
  if (ring.length < 4)
    throw invalid(
      `${name} has ${ring.length - 1} different positions in a row, expected at least 3 and the first repeated at the end.`,
    )
}

function hintFor([lon, lat]: Position): string {
  if (Math.abs(lon) > 540 || Math.abs(lat) > 360)
    return 'These look like metres of a projected system: reproject to EPSG:4326, or give the file itself, whose system is then read.'
  return Math.abs(lon) <= 90
    ? 'Latitude and longitude look swapped: longitude comes first.'
    : 'Reproject to EPSG:4326 first.'
}

function checkPolygon(rings: PolygonRings, p: number): void {
  for (const [r, ring] of rings.entries()) {
    const name = `Ring ${r + 1} of polygon ${p + 1}`
    if (ring[0]?.[0] !== ring.at(-1)?.[0])
      throw invalid(
        `${name} goes round a pole, which degrees of longitude and latitude cannot close. Add its way along the antimeridian to the pole and back: ..., [180, LAT], [180, 90], [-180, 90], [-180, LAT], ...`,
      )
    // Of a bow tie with equal halves the areas cancel out too: where it crosses says more.
    if (Math.abs(signedArea(ring)) >= 1e-12) continue
    const crossing = findCrossing([ring])
    if (crossing === null || isLine(ring))
      throw invalid(`${name} has no area: all its positions lie on a line.`)
    throw crossed(p, crossing)
  }
  const crossing = findCrossing(rings)
  if (crossing !== null) throw crossed(p, crossing)
  const [outer, ...holes] = rings
  if (outer === undefined || holes.length === 0) return
  const index = new EdgeIndex([outer])
  for (const [h, hole] of holes.entries())
    // No edges cross, so one place tells; several, because one that lies on the outer ring may fall either way.
    if (!hole.slice(0, 8).some((position) => index.isInside(position)))
      throw invalid(`Hole ${h + 1} of polygon ${p + 1} lies outside its outer ring.`)
}

const crossed = (p: number, [lon, lat]: Position): ProcessingError =>
  invalid(
    `Polygon ${p + 1} crosses itself at longitude ${degrees(lon)}, latitude ${degrees(lat)}. Repair it, for example with ogr2ogr -makevalid.`,
  )
/** 1e-6 degrees are 0.1 m. */
const degrees = (value: number): string => String(Number((value > 180 ? value - 360 : value).toFixed(6)))

/** Whether all positions lie on one line through the first and the one farthest from it. */
function isLine(ring: Ring): boolean {
  const [x0, y0] = ring[0] ?? [0, 0]
  let [dx, dy] = [0, 0]
  for (const [x, y] of ring) if (Math.hypot(x - x0, y - y0) > Math.hypot(dx, dy)) [dx, dy] = [x - x0, y - y0]
  const length = Math.hypot(dx, dy) || 1
  return ring.every(([x, y]) => Math.abs((x - x0) * dy - (y - y0) * dx) / length < 1e-9)
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

function invalid(message: string): ProcessingError {
  return new ProcessingError('GEOMETRY_INVALID', message)
}
