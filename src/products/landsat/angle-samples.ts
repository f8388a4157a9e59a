import type { AngleGrid, DetectorAngles, PixelBytes } from '../../domain/l1-scene.js'
import type { Grid } from '../../domain/grid.js'
import { ProcessingError } from '../../domain/errors.js'
import { planeThrough } from '../sentinel2/angle-grids.js'

const DEGREE = Math.PI / 180
/** Distance of the nodes of the angle grids, metres, as Sentinel-2 has them. */
const NODE_STEP_M = 5000

/**
 * OLI's sensor chips stand in two rows, one looking 0.5 degrees fore, the other aft; the ground sees them by turns. 1: the satellite stands
 * farther back along the track, 2: farther ahead. Each is a "detector" with its own plane of view angles.
 */
export const CHIP_ROWS = [1, 2] as const

/** Angles at one point of the image, metres east and south of its upper left corner. */
export interface AngleSample {
  readonly x: number
  readonly y: number
  /** Unit vector to the sun: east, north, up. */
  readonly sun: readonly [number, number, number]
  /** Tangent of the view zenith times the direction to the satellite: east, north. */
  readonly view: readonly [number, number]
  /** Row of chips that saw it; 0 where that is not known. */
  readonly chipRow: number
}

/** Angles of a scene, whatever they were made from. */
export interface LandsatAngles {
  readonly sun: AngleGrid
  readonly detectors: readonly DetectorAngles[]
  /** Row of chips of each pixel. */
  openDetectors(): Promise<PixelBytes>
}

/** Components (east, north) of a view zenith and azimuth, degrees. */
export const viewOf = (zenith: number, azimuth: number): readonly [number, number] => {
  const t = Math.tan(zenith * DEGREE)
  return [t * Math.sin(azimuth * DEGREE), t * Math.cos(azimuth * DEGREE)]
}
/** Unit vector of a sun zenith and azimuth, degrees. */
export const sunOf = (zenith: number, azimuth: number): readonly [number, number, number] => {
  const s = Math.sin(zenith * DEGREE)
  return [s * Math.sin(azimuth * DEGREE), s * Math.cos(azimuth * DEGREE), Math.cos(zenith * DEGREE)]
}

/**
 * Grids of sun and view angles on nodes 5 km apart from samples anywhere in the image: least-squares planes of the vectors'
 * components, over a scene of 185 km within 0.02 degrees of the coefficients of USGS (`angles.test.ts`). Planes smooth the hundredths of degrees that
 * the angle bands are rounded to and reach the nodes beyond the swath. One view grid for each row of chips that has samples.
 * Throws METADATA_INVALID where there is no sample.
 */
export function gridsFromSamples(
  samples: readonly AngleSample[],
  image: Grid,
  source: string,
): Pick<LandsatAngles, 'sun' | 'detectors'> {
  if (samples.length === 0)
    throw new ProcessingError('METADATA_INVALID', `'${source}' holds no angle. Download the product again.`)
  const cols = Math.max(2, Math.ceil((image.width * image.pixelWidthM) / NODE_STEP_M) + 1)
  const rows = Math.max(2, Math.ceil((image.height * image.pixelHeightM) / NODE_STEP_M) + 1)
  const gridOf = (vectorAt: (x: number, y: number) => readonly [number, number, number]): AngleGrid => {
    const zenith = new Float64Array(rows * cols)
    const azimuth = new Float64Array(rows * cols)
    for (let i = 0; i < zenith.length; i++) {
      const [east, north, up] = vectorAt((i % cols) * NODE_STEP_M, Math.floor(i / cols) * NODE_STEP_M)
      zenith[i] = Math.atan2(Math.hypot(east, north), up) / DEGREE
      const turn = Math.atan2(east, north) / DEGREE
      azimuth[i] = turn < 0 ? turn + 360 : turn
    }
    const { ulx, uly } = image
    return { ulx, uly, stepXM: NODE_STEP_M, stepYM: NODE_STEP_M, rows, cols, zenith, azimuth }
  }
  const plane = (of: readonly AngleSample[], value: (s: AngleSample) => number) =>
    sturdyPlane(of.map((s) => [s.x, s.y, value(s)]))
  const [sunEast, sunNorth, sunUp] = [
    plane(samples, (s) => s.sun[0]),
    plane(samples, (s) => s.sun[1]),
    plane(samples, (s) => s.sun[2]),
  ]
  const chipRows = [...new Set(samples.map((s) => s.chipRow))].sort()
  return {
    sun: gridOf((x, y) => [sunEast(x, y), sunNorth(x, y), sunUp(x, y)]),
    detectors: chipRows.map((chipRow): DetectorAngles => {
      const own = samples.filter((s) => s.chipRow === chipRow)
      const [east, north] = [plane(own, (s) => s.view[0]), plane(own, (s) => s.view[1])]
      return {
        detector: chipRow === 0 ? 1 : chipRow,
        angles: gridOf((x, y) => [east(x, y), north(x, y), 1]),
        validNodes: own.length,
      }
    }),
  }
}

/** Rounds in which samples far from the plane are left out. */
const ROUNDS = 3
/** Smallest distance from the plane that is far: 0.02 degrees, twice what rounding makes. */
const NEAR = 0.02 * DEGREE

/**
 * Least-squares plane through most of the points: those farther from it than three times the usual distance are left out and it is
 * fitted anew. Where resampling blended the swath's edge with fill, or one chip with the next, angles are wrong by degrees.
 */
function sturdyPlane(
  points: readonly (readonly [number, number, number])[],
): (x: number, y: number) => number {
  let kept = points
  let plane = planeThrough(kept)
  for (let round = 0; round < ROUNDS; round++) {
    const current = plane
    const distance = ([x, y, v]: readonly [number, number, number]) => Math.abs(v - current(x, y))
    const usual = kept.map(distance).sort((a, b) => a - b)[Math.floor(kept.length / 2)] ?? 0
    // 1.48 medians are a standard deviation.
    const far = Math.max(NEAR, 3 * 1.48 * usual)
    kept = points.filter((point) => distance(point) <= far)
    if (kept.length < 3) return plane
    plane = planeThrough(kept)
  }
  return plane
}

/** A detector image that is 1 everywhere. */
export function oneDetector(): PixelBytes {
  return {
    read(window, out) {
      out.fill(1, 0, window.width * window.height)
      return Promise.resolve()
    },
    close: () => undefined,
  }
}
