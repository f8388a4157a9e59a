import { ProcessingError } from './errors.js'
import { EdgeIndex } from './edge-index.js'
import { isInside, polygonsOf, shiftRing, type GeoJsonArea, type Position, type Ring } from './polygon.js'
import { normalizeLongitude } from './utm.js'

/** A Landsat tile: path and row of the Worldwide Reference System 2. */
export interface Wrs2Tile {
  /** `PPPRRR`, for example 198030. */
  readonly tile: string
  /** 1..233, numbered westward. */
  readonly path: number
  /** 1..248, numbered along the track; 60 lies on the equator, southbound. */
  readonly row: number
}

/** Paths: orbits in a cycle of 16 days. Source: Landsat 7 Science Data Users Handbook, section 5. */
const PATHS = 233
const ROWS = 248
const CYCLE_DAYS = 16
const INCLINATION_RAD = (98.2 * Math.PI) / 180
/** Row whose centre is the descending node. */
const NODE_ROW = 60
/** Longitude of the descending node of path 1: 64.60 degrees west. Source: the same handbook. */
const NODE_OF_PATH_1_DEG = -64.6
const EARTH_RADIUS_KM = 6371
const FLATTENING = 1 / 298.257223563
/**
 * Half the extent of a scene's image across and along the track, km. Nominal are 185 x 180 km; scenes of Landsat 8 and 9 hold pixels
 * over 190 x 197 km, measured on 016/037 and 112/081.
 */
const HALF_ACROSS_KM = 95
const HALF_ALONG_KM = 98.5
/** Parts of each side: what is straight on the sphere bends in longitude and latitude. */
const PARTS = 8

/** The southbound rows, which the satellite passes by day: 246 (82 N) over 248 and 1 to 122 (82 S). */
const DAY_ROWS: readonly number[] = [246, 247, 248, ...Array.from({ length: 122 }, (_, i) => i + 1)]

/** Path and row of a name such as `198030`. Throws TILE_UNKNOWN. */
export function wrs2Tile(name: string): Wrs2Tile {
  const match = /^(\d{3})(\d{3})$/.exec(name.trim())
  const path = Number(match?.[1])
  const row = Number(match?.[2])
  if (match === null || path < 1 || path > PATHS || row < 1 || row > ROWS)
    throw new ProcessingError(
      'TILE_UNKNOWN',
      `'${name}' is no Landsat tile. Expected path (001 to ${PATHS}) and row (001 to ${ROWS}) in three digits each, such as 198030.`,
    )
  return { tile: tileName(path, row), path, row }
}

const tileName = (path: number, row: number): string =>
  `${String(path).padStart(3, '0')}${String(row).padStart(3, '0')}`

/** Centre of a scene: longitude in [-180, 180) and geodetic latitude, degrees. About 1 km from the published table. */
export function wrs2Centre({ path, row }: Wrs2Tile): Position {
  const [lon, lat] = groundPoint(row, 0, 0)
  return [normalizeLongitude(lon + longitudeOfPath(path)), lat]
}

/**
 * Outline of a scene, longitude and latitude in degrees, closed, counter-clockwise; longitudes are continuous over the antimeridian.
 *
 * From the orbit in closed form: a circle of 98.2 degrees' inclination whose plane turns with the sun, 233 revolutions in 16 days.
 * Compared with the corners in the metadata of real scenes of eight places from 52 N to 36 S, the centre lies within 1.5 km along and 5 km
 * across the track, which is the drift that the satellite is allowed (5 km); the box around the outline agrees within 6 km a side.
 * Pointing off nadir is not foreseen. Source: Landsat 7 Science Data Users Handbook, section 5; Snyder (1981),
 * "The Space Oblique Mercator Projection", USGS Bulletin 1518.
 */
export function wrs2Footprint(tile: Wrs2Tile): Ring {
  const turn = wrs2Centre(tile)[0] - groundPoint(tile.row, 0, 0)[0]
  return shiftRing(outlineOfRow(tile.row), turn)
}

/** Landsat tiles passed by day (southbound) whose scene touches an area, by name. Pure. */
export function wrs2Touching(area: GeoJsonArea): readonly Wrs2Tile[] {
  const found = new Map<string, Wrs2Tile>()
  for (const rings of polygonsOf(area)) {
    const index = new EdgeIndex(rings)
    for (const row of DAY_ROWS) {
      const outline = outlineOfRow(row)
      const lats = outline.map((p) => p[1])
      if (Math.min(...lats) > index.north || Math.max(...lats) < index.south) continue
      const lons = outline.map((p) => p[0])
      const [west, east] = [Math.min(...lons), Math.max(...lons)]
      for (let path = 1; path <= PATHS; path++) {
        const tile = tileName(path, row)
        if (found.has(tile)) continue
        const shift = longitudeOfPath(path)
        const first = Math.ceil((index.west - east - shift) / 360)
        for (let turn = first; west + shift + turn * 360 <= index.east; turn++)
          if (overlap(index, shiftRing(outline, shift + turn * 360))) found.set(tile, { tile, path, row })
      }
    }
  }
  return [...found.values()].sort((a, b) => (a.tile < b.tile ? -1 : 1))
}

/** Whether an outline and a polygon have a point in common. */
function overlap(index: EdgeIndex, outline: Ring): boolean {
  for (let i = 1; i < outline.length; i++) {
    const a = outline[i - 1]
    const b = outline[i]
    if (a !== undefined && b !== undefined && index.touches(a, b)) return true
  }
  const corner = outline[0]
  // No edges meet: one lies within the other (a hole counts as outside), or they are apart.
  return (corner !== undefined && index.isInside(corner)) || index.someCorner((p) => isInside(p, [outline]))
}

const longitudeOfPath = (path: number): number => NODE_OF_PATH_1_DEG - ((path - 1) * 360) / PATHS

const outlines = new Map<number, Ring>()

/** Outline of a row's scenes, longitudes relative to the descending node of their path. */
function outlineOfRow(row: number): Ring {
  const known = outlines.get(row)
  if (known !== undefined) return known
  // From the rear left corner as the satellite flies: counter-clockwise seen from above on a southbound pass.
  const corners = [
    [-1, 1],
    [-1, -1],
    [1, -1],
    [1, 1],
    [-1, 1],
  ] as const
  const ring: Position[] = []
  for (let i = 1; i < corners.length; i++) {
    const [along0, across0] = corners[i - 1] ?? [0, 0]
    const [along1, across1] = corners[i] ?? [0, 0]
    for (let k = 0; k < PARTS; k++) {
      const t = k / PARTS
      const along = along0 + t * (along1 - along0)
      const across = across0 + t * (across1 - across0)
      const [lon, lat] = groundPoint(row, along * HALF_ALONG_KM, across * HALF_ACROSS_KM)
      const before = ring.at(-1)?.[0] ?? lon
      ring.push([lon + Math.round((before - lon) / 360) * 360, lat])
    }
  }
  const first = ring[0]
  const closed = first === undefined ? ring : [...ring, first]
  outlines.set(row, closed)
  return closed
}

/**
 * A point near a scene's centre: `alongKm` farther on the track, `acrossKm` to the left of it. Longitude relative to the descending
 * node of the path, and geodetic latitude, degrees.
 */
function groundPoint(row: number, alongKm: number, acrossKm: number): Position {
  // Angle flown since the descending node.
  const flown = ((row - NODE_ROW) * 2 * Math.PI) / ROWS + alongKm / EARTH_RADIUS_KM
  const left = acrossKm / EARTH_RADIUS_KM
  const [sinI, cosI] = [Math.sin(INCLINATION_RAD), Math.cos(INCLINATION_RAD)]
  // x towards the node, z north; (0, cos i, -sin i) is the direction of flight there, (0, sin i, cos i) its left.
  const x = Math.cos(left) * Math.cos(flown)
  const y = Math.cos(left) * Math.sin(flown) * cosI + Math.sin(left) * sinI
  const z = -Math.cos(left) * Math.sin(flown) * sinI + Math.sin(left) * cosI
  const inertial = (Math.atan2(y, x) * 180) / Math.PI
  // The earth turns below the orbit once a day while the satellite flies 233 / 16 revolutions; the scene is skewed by as much.
  const turned = ((flown * 180) / Math.PI) * (CYCLE_DAYS / PATHS)
  const geocentric = Math.asin(z)
  return [inertial - turned, (Math.atan(Math.tan(geocentric) / (1 - FLATTENING) ** 2) * 180) / Math.PI]
}
