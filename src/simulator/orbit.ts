import type { S2Band, S2Platform } from '../domain/sentinel2.js'
import { S2_BANDS } from '../domain/sentinel2.js'
import { fromUtm } from '../domain/utm.js'
import type { TileSquare } from '../domain/mgrs.js'
import { EARTH_KM, GroundTrack, degrees, radians, wrapDegrees } from './ground-track.js'

/** Geometry of Sentinel-2's repeat orbit: 143 revolutions in 10 days, 98.62 degrees of inclination, descending over daylight. */
const REVOLUTIONS = 143
const INCLINATION = radians(98.62)
const SHIFT_DEGREES = (360 * 10) / REVOLUTIONS
/** Longitude of the descending node of relative orbit 116; fitted to the detector footprints of real products. */
const NODE_116_DEGREES = 153.4
const ALTITUDE_KM = 786
const PERIOD_MINUTES = (10 * 24 * 60) / REVOLUTIONS
/** Across-track width of a detector's image; twelve of them make the swath. */
export const DETECTOR_KM = 24.1
/** The satellite's yaw steering turns the lines of sight against the ground track by about two degrees. */
const YAW_DEGREES = 2.1
/** Detectors stand in two rows: odd ones look behind, even ones ahead by this angle; every filter has its own. */
const STAGGER_DEGREES: Readonly<Record<S2Band, number>> = {
  B01: 1.78,
  B02: 0.53,
  B03: 0.81,
  B04: 1.07,
  B05: 1.21,
  B06: 1.36,
  B07: 1.5,
  B08: 0.67,
  B8A: 1.64,
  B09: 1.93,
  B10: 1,
  B11: 1.33,
  B12: 1.67,
}
/** Mean local solar time at the descending node. */
export const LOCAL_HOURS = 10.5
export const ANGLE_NODES = 23
export const ANGLE_STEP_M = 5000

/** A pass over one tile. Node fields are row-major [23][23], 5 km apart from the upper-left corner. */
export interface TilePass {
  readonly relativeOrbit: number
  readonly absoluteOrbit: number
  /** UTC of the tile's centre line, milliseconds since 1970. */
  readonly sensingMs: number
  /** Start of the datatake, the same for all tiles of the pass. */
  readonly datatakeMs: number
  /** Kilometres from the ground track, positive to the east. */
  readonly acrossKm: Float64Array
  /** Azimuth of the track's right-hand side (towards the satellite from the east), degrees. */
  readonly sideAzimuth: Float64Array
  readonly lon: Float64Array
  readonly lat: Float64Array
}

/** @param date `yyyy-mm-dd`; without `orbit` (1..143) the one whose track passes nearest. Real passes recur every 10 days; the date is taken as it is. */
export function passOver(square: TileSquare, date: string, platform: S2Platform, orbit?: number): TilePass {
  const size = ANGLE_NODES * ANGLE_NODES
  const [lon, lat] = [new Float64Array(size), new Float64Array(size)]
  for (let i = 0; i < size; i++) {
    const x = square.xmin + (i % ANGLE_NODES) * ANGLE_STEP_M
    const y = square.ymax - Math.floor(i / ANGLE_NODES) * ANGLE_STEP_M
    ;[lon[i], lat[i]] = fromUtm(x, y, square.zone, square.isSouth)
  }
  const middle = (size - 1) / 2
  const [lon0, lat0] = [lon[middle] ?? 0, lat[middle] ?? 0]
  const relativeOrbit = orbit ?? nearestOrbit(lon0, lat0)
  const track = trackOf(relativeOrbit)
  const [acrossKm, sideAzimuth] = [new Float64Array(size), new Float64Array(size)]
  for (let i = 0; i < size; i++) {
    const place = track.placeOf(lon[i] ?? 0, lat[i] ?? 0)
    acrossKm[i] = place.acrossKm
    sideAzimuth[i] = place.headingDegrees + 90
  }
  // 10:30 of mean local solar time at the descending node; the whole track follows from there, so that all tiles of a pass agree on the time.
  const nodeHours = LOCAL_HOURS - track.nodeDegrees / 15
  const u = track.placeOf(lon0, lat0).alongKm / EARTH_KM
  const afterNode = (a: number) => ((a / (2 * Math.PI)) * PERIOD_MINUTES) / 60
  const hours = (((nodeHours + afterNode(u)) % 24) + 24) % 24
  const sensingMs = Math.floor((Date.parse(`${date}T00:00:00Z`) + hours * 3_600_000) / 1000) * 1000 + 27
  // One datatake for the whole daylight side: it starts at the northernmost point.
  const beforeMs = Math.round((hours - afterNode(u) + afterNode(-Math.PI / 2)) * 3600) * 1000
  return {
    relativeOrbit,
    absoluteOrbit: absoluteOrbitOf(platform, relativeOrbit, sensingMs),
    sensingMs,
    datatakeMs: Date.parse(`${date}T00:00:00Z`) + beforeMs + 24,
    acrossKm,
    sideAzimuth,
    lon,
    lat,
  }
}

/** Detector 1..12 at a distance from the track, 0 outside of the swath. */
export function detectorAt(acrossKm: number): number {
  const detector = Math.floor(acrossKm / DETECTOR_KM) + 7
  return detector >= 1 && detector <= 12 ? detector : 0
}

/** View zenith and azimuth (from the ground to the satellite, clockwise from north), degrees. */
export function viewAngles(
  acrossKm: number,
  sideAzimuth: number,
  detector: number,
  band: S2Band,
): { zenith: number; azimuth: number } {
  const across = Math.tan(Math.atan(acrossKm / ALTITUDE_KM) + acrossKm / EARTH_KM)
  const along = Math.tan(radians(STAGGER_DEGREES[band])) * (detector % 2 === 0 ? 1 : -1)
  const azimuth = sideAzimuth + YAW_DEGREES + degrees(Math.atan2(along, across))
  return { zenith: degrees(Math.atan(Math.hypot(across, along))), azimuth: ((azimuth % 360) + 360) % 360 }
}

export const BAND_IDS: Readonly<Record<S2Band, number>> = Object.fromEntries(
  S2_BANDS.map((b, i) => [b, i]),
) as Record<S2Band, number>

/** The ground track of a relative orbit. */
const trackOf = (orbit: number) =>
  new GroundTrack({
    nodeDegrees: NODE_116_DEGREES - SHIFT_DEGREES * (orbit - 116),
    inclination: INCLINATION,
    shiftDegrees: SHIFT_DEGREES,
  })

function nearestOrbit(lon: number, lat: number): number {
  let [best, distance] = [1, Infinity]
  for (let orbit = 1; orbit <= REVOLUTIONS; orbit++) {
    const track = trackOf(orbit)
    const d = Math.abs(wrapDegrees(track.at(track.argumentAt(lat)).lon - lon))
    if (d < distance) [best, distance] = [orbit, d]
  }
  return best
}

/** Counted from a known revolution of each platform, to the nearest that has this relative orbit; Sentinel-2C's start is assumed. */
function absoluteOrbitOf(platform: S2Platform, relative: number, ms: number): number {
  const known = {
    S2A: { absolute: 12840, relative: 116, at: '2017-12-07T00:22:52Z' },
    S2B: { absolute: 20270, relative: 81, at: '2021-01-22T13:42:49Z' },
    S2C: { absolute: 1, relative: 51, at: '2024-09-05T10:50:00Z' },
  }[platform]
  const elapsed = (ms - Date.parse(known.at)) / 60_000 / PERIOD_MINUTES
  const cycles = Math.round((elapsed - (relative - known.relative)) / REVOLUTIONS)
  return Math.max(1, known.absolute + cycles * REVOLUTIONS + relative - known.relative)
}
