import { EARTH_KM, degrees, radians } from '../ground-track.js'
import { sunAngles } from '../sun.js'
import {
  nodesOnRow,
  pixelFrom,
  whereReached,
  type Direction,
  type Run,
  type ViewFrame,
} from '../view-frame.js'
import { OLI_BANDS, type OliBand } from './oli.js'
import { ALTITUDE_KM, halfLengthKm, isInLength, placeInScene, type WrsScene } from './wrs2.js'

/** Focal plane modules side by side, and the width of ground that one sees. Both measured on the angle file of LC09_L1TP_112081_20220209. */
const MODULES = 14
const MODULE_KM = 13.7
export const HALF_WIDTH_KM = (MODULES * MODULE_KM) / 2
/**
 * Modules stand in two rows; odd ones look ahead, even ones behind by this angle, by band. Derived from the mean line of each module in the same angle
 * file: half the distance along the track between odd and even modules at one moment over 705 km.
 */
const STAGGER_DEGREES: Readonly<Record<OliBand, number>> = {
  B1: 0.347,
  B2: 0.276,
  B3: 0.561,
  B4: 0.49,
  B5: 0.418,
  B6: 0.736,
  B7: 0.664,
  B8: 0.204,
  B9: 0.807,
}
const STEP_M = 5000

/** The view with the places of its nodes, degrees. */
export interface OliView extends ViewFrame {
  readonly lon: Float64Array
  readonly lat: Float64Array
}

/** Sun and modules over a scene whose pixels begin at `left`, `top` (metres) and extend over `widthM` x `heightM`. */
export function oliView(
  scene: WrsScene,
  timeMs: number,
  left: number,
  top: number,
  widthM: number,
  heightM: number,
): OliView {
  const [cols, rows] = [Math.ceil(widthM / STEP_M) + 1, Math.ceil(heightM / STEP_M) + 1]
  const size = cols * rows
  const field = () => new Float64Array(size)
  const [across, along, side] = [field(), field(), field()]
  const [lon, lat, sunZenith, sunAzimuth] = [field(), field(), field(), field()]
  for (let i = 0; i < size; i++) {
    const place = placeInScene(scene, left + (i % cols) * STEP_M, top - Math.floor(i / cols) * STEP_M)
    across[i] = place.acrossKm
    // Negated, so that it ascends eastward like `across`.
    along[i] = -place.alongKm
    side[i] = place.headingDegrees + 90
    lon[i] = place.lon
    lat[i] = place.lat
    const sun = sunAngles(timeMs, place.lon, place.lat)
    sunZenith[i] = sun.zenith
    sunAzimuth[i] = sun.azimuth
  }
  const detectors = Array.from({ length: MODULES }, (_, i) => i + 1)
  return {
    cols,
    rows,
    stepM: STEP_M,
    sunZenith,
    sunAzimuth,
    lon,
    lat,
    detectors,
    view: (node, detector, band) => {
      const a = across[node] ?? 0
      const beyond = Math.abs(a - (detector - MODULES / 2 - 0.5) * MODULE_KM) - MODULE_KM / 2
      // Interpolation reaches a cell's diagonal beyond the border.
      if (beyond > (1.5 * STEP_M) / 1000) return null
      if (!isInLength(Math.max(0, Math.abs(along[node] ?? 0) - (1.5 * STEP_M) / 1000))) return null
      return moduleView(a, side[node] ?? 0, detector, OLI_BANDS[band] ?? 'B4')
    },
    runs: (y, pixelM, width) => {
      const onRow = (f: Float64Array) => nodesOnRow(f, cols, rows, STEP_M, y)
      const [a, b] = [onRow(across), onRow(along)]
      const first = pixelFrom(whereReached(b, -halfLengthKm, STEP_M), pixelM, width)
      const last = pixelFrom(whereReached(b, halfLengthKm, STEP_M), pixelM, width)
      const runs: Run[] = []
      for (const detector of detectors) {
        const border = (k: number) =>
          pixelFrom(whereReached(a, (k - MODULES / 2) * MODULE_KM, STEP_M), pixelM, width)
        const [from, to] = [Math.max(first, border(detector - 1)), Math.min(last, border(detector))]
        if (from < to) runs.push({ detector, from, to })
      }
      return runs
    },
  }
}

/** View zenith and azimuth (from the ground to the satellite, clockwise from north), degrees. */
export function moduleView(
  acrossKm: number,
  sideAzimuth: number,
  detector: number,
  band: OliBand,
): Direction {
  const across = Math.tan(Math.atan(acrossKm / ALTITUDE_KM) + acrossKm / EARTH_KM)
  const along = Math.tan(radians(STAGGER_DEGREES[band])) * (detector % 2 === 1 ? 1 : -1)
  const azimuth = sideAzimuth + degrees(Math.atan2(along, across))
  return { zenith: degrees(Math.atan(Math.hypot(across, along))), azimuth: ((azimuth % 360) + 360) % 360 }
}
