import { ProcessingError } from '../../domain/errors.js'
import { fromUtm, toUtm } from '../../domain/utm.js'
import { EARTH_KM, GroundTrack, degrees, radians, type TrackPlace } from '../ground-track.js'

/**
 * The Worldwide Reference System 2: 233 paths of 248 rows, repeated in 16 days; path 1 crosses the equator southward (row 60) at 64.60 degrees west.
 * Source: Landsat 8 Data Users Handbook (LSDS-1574), section 2 and the WRS-2 definition of the USGS. Agrees with corners of real scenes to some km.
 */
const PATHS = 233
const ROWS = 248
const EQUATOR_ROW = 60
const PATH_1_DEGREES = -64.6
const INCLINATION = radians(98.2)
export const ALTITUDE_KM = 705
const REPEAT_DAYS = 16
/** Mean local time at the descending node, hours. */
export const NODE_HOURS = 10.208
/** Half of the image along the track; rows overlap. Measured on the angle file of LC09_L1TP_112081_20220209. */
const HALF_LENGTH_KM = 97.7
/** Corners of USGS frames lie on multiples of this. */
const FRAME_STEP_M = 300
const FLATTENING = 1 / 298.257223563

export interface WrsScene {
  readonly path: number
  readonly row: number
  readonly track: GroundTrack
  /** Kilometres along the track from the descending node to the centre. */
  readonly centreAlongKm: number
  readonly lon: number
  readonly lat: number
  /** Always northern: the south has negative northings. */
  readonly zone: number
  /** Centres of the corner pixels of the frame in metres, multiples of 300. */
  readonly ulx: number
  readonly uly: number
  readonly lrx: number
  readonly lry: number
}

/** `PPPRRR`, e.g. `198030`. Throws TILE_UNKNOWN for what is no path and row, and for those that see the night side only. */
export function wrsScene(tile: string, halfWidthKm: number): WrsScene {
  const [path, row] = [Number(tile.slice(0, 3)), Number(tile.slice(3))]
  if (!/^\d{6}$/.test(tile) || path < 1 || path > PATHS || row < 1 || row > 122)
    throw new ProcessingError(
      'TILE_UNKNOWN',
      `Expected a WRS-2 path 001-233 and a row of the descending half 001-122 as six digits such as 198030, found '${tile}'.`,
    )
  const track = new GroundTrack({
    nodeDegrees: PATH_1_DEGREES - ((path - 1) * 360) / PATHS,
    inclination: INCLINATION,
    shiftDegrees: (360 * REPEAT_DAYS) / PATHS,
  })
  const u = radians(((row - EQUATOR_ROW) * 360) / ROWS)
  const centre = track.at(u)
  const lon = ((((centre.lon + 180) % 360) + 360) % 360) - 180
  const lat = geodetic(centre.lat)
  const zone = Math.floor((lon + 180) / 6) + 1
  // The corners, by steps along the track and at right angles to it.
  const [x0, y0] = toUtm(lon, lat, zone)
  const heading = radians(track.placeOf(lon, centre.lat).headingDegrees)
  let [west, east, south, north] = [Infinity, -Infinity, Infinity, -Infinity]
  for (const along of [-HALF_LENGTH_KM, HALF_LENGTH_KM])
    for (const across of [-halfWidthKm, halfWidthKm]) {
      const x = x0 + 1000 * (along * Math.sin(heading) - across * Math.cos(heading))
      const y = y0 + 1000 * (along * Math.cos(heading) + across * Math.sin(heading))
      ;[west, east] = [Math.min(west, x), Math.max(east, x)]
      ;[south, north] = [Math.min(south, y), Math.max(north, y)]
    }
  const down = (v: number) => Math.floor(v / FRAME_STEP_M) * FRAME_STEP_M
  return {
    path,
    row,
    track,
    centreAlongKm: u * EARTH_KM,
    lon,
    lat,
    zone,
    ulx: down(west),
    uly: -down(-north),
    lrx: -down(-east),
    lry: down(south),
  }
}

/** Where a point of the frame lies to the track; `alongKm` counts from the centre of the scene, southward. */
export function placeInScene(
  scene: WrsScene,
  x: number,
  y: number,
): TrackPlace & { lon: number; lat: number } {
  const [lon, lat] = fromUtm(x, y, scene.zone)
  const place = scene.track.placeOf(lon, geocentric(lat))
  return { ...place, alongKm: place.alongKm - scene.centreAlongKm, lon, lat }
}

/** UTC of the scene's centre on a day, milliseconds since 1970. Real passes recur every 16 days; the date is taken as it is. */
export function sceneTime(scene: WrsScene, date: string): number {
  const turned = scene.track.turnedDegrees(scene.centreAlongKm / EARTH_KM)
  const hours = (NODE_HOURS + turned / 15 - scene.lon / 15 + 48) % 24
  return Math.floor((Date.parse(`${date}T00:00:00Z`) + hours * 3_600_000) / 1000) * 1000 + 413
}

export const isInLength = (alongKm: number): boolean => Math.abs(alongKm) <= HALF_LENGTH_KM
export const halfLengthKm = HALF_LENGTH_KM

const geodetic = (lat: number) => degrees(Math.atan(Math.tan(radians(lat)) / (1 - FLATTENING) ** 2))
const geocentric = (lat: number) => degrees(Math.atan(Math.tan(radians(lat)) * (1 - FLATTENING) ** 2))
