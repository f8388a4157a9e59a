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

/** Samples of a row of chips from which its own plane is taken, and the share of the ground that they must reach over in both directions. */
const ENOUGH = 50
const WIDE = 0.5
/** Samples from which at least the distance of a row to the other one is taken. */
const FEW = 5
/** Largest distance between the two rows, twice the real one: tangent. */
const MOST_BETWEEN_ROWS = Math.tan(2 * DEGREE)

/**
 * Grids of sun and view angles on nodes 5 km apart from samples anywhere in the image: least-squares planes of the vectors'
 * components, over a scene of 185 km within 0.02 degrees of the coefficients of USGS (`angles.test.ts`). Planes smooth the hundredths of degrees that
 * the angle bands are rounded to and reach the nodes beyond the swath. One view grid for each row of chips whose angles are known: a row
 * that covers but a corner of a crop takes the slopes of the other one, which are the same, and one with hardly a sample has none.
 * Throws METADATA_INVALID where there is no sample, or angles that change as no scene's do.
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
    soundPlane(
      of.map((s) => [s.x, s.y, value(s)]),
      source,
    )
  const [sunEast, sunNorth, sunUp] = [
    plane(samples, (s) => s.sun[0]),
    plane(samples, (s) => s.sun[1]),
    plane(samples, (s) => s.sun[2]),
  ]
  const ofRow = (chipRow: number) => samples.filter((s) => s.chipRow === chipRow)
  const chipRows = [...new Set(samples.map((s) => s.chipRow))].sort()
  const [main = 0] = [...chipRows].sort((a, b) => ofRow(b).length - ofRow(a).length)
  const viewPlanes = (own: readonly AngleSample[]): Planes => [
    plane(own, (s) => s.view[0]),
    plane(own, (s) => s.view[1]),
  ]
  const [mainEast, mainNorth] = viewPlanes(ofRow(main))
  const planesOf = (chipRow: number, own: readonly AngleSample[]): Planes | null => {
    if (chipRow === main) return [mainEast, mainNorth]
    if (own.length >= ENOUGH && reach(own, 'x', samples) >= WIDE && reach(own, 'y', samples) >= WIDE)
      return viewPlanes(own)
    const east = median(own.map((s) => s.view[0] - mainEast(s.x, s.y)))
    const north = median(own.map((s) => s.view[1] - mainNorth(s.x, s.y)))
    if (own.length < FEW || Math.hypot(east, north) > MOST_BETWEEN_ROWS) return null
    return [(x, y) => mainEast(x, y) + east, (x, y) => mainNorth(x, y) + north]
  }
  return {
    sun: gridOf((x, y) => [sunEast(x, y), sunNorth(x, y), sunUp(x, y)]),
    detectors: chipRows.flatMap((chipRow): DetectorAngles[] => {
      const own = ofRow(chipRow)
      const planes = planesOf(chipRow, own)
      if (planes === null) return []
      const [east, north] = planes
      return [
        {
          detector: chipRow === 0 ? 1 : chipRow,
          angles: gridOf((x, y) => [east(x, y), north(x, y), 1]),
          validNodes: own.length,
        },
      ]
    }),
  }
}

type Plane = (x: number, y: number) => number
type Planes = readonly [east: Plane, north: Plane]

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN

const span = (of: readonly AngleSample[], axis: 'x' | 'y'): number => {
  const values = of.map((s) => s[axis])
  return values.reduce((a, b) => Math.max(a, b)) - values.reduce((a, b) => Math.min(a, b))
}
/** Share of the ground under all samples that some of them reach over along one axis. */
const reach = (own: readonly AngleSample[], axis: 'x' | 'y', all: readonly AngleSample[]): number => {
  const whole = span(all, axis)
  return whole === 0 ? 1 : span(own, axis) / whole
}

/** Rounds in which samples far from the plane are left out. */
const ROUNDS = 3
/** Smallest distance from the plane that is far: 0.02 degrees, twice what rounding makes. */
const NEAR = 0.02 * DEGREE
/** Steepest change that a scene's angles have, by metre: twice that of the view across the swath; the sun's stays below it up to 82 degrees of latitude. */
const STEEPEST = (0.2 * DEGREE) / 1000
/** Over less ground than this the angles change by less than a degree, and a few odd samples make any slope. */
const SMALL_M = 10_000

/**
 * Least-squares plane through most of the points: those farther from it than three times the usual distance are left out and it is
 * fitted anew. Where resampling blended the swath's edge with fill, or one chip with the next, angles are wrong by degrees. A plane that
 * is too steep all the same is level instead on a small crop; throws METADATA_INVALID on a larger one.
 */
function soundPlane(points: readonly (readonly [number, number, number])[], source: string): Plane {
  const plane = sturdyPlane(points)
  const slope = Math.hypot(plane(1, 0) - plane(0, 0), plane(0, 1) - plane(0, 0))
  if (slope <= STEEPEST) return plane
  const xs = points.map(([x]) => x)
  const ys = points.map(([, y]) => y)
  const extent = Math.max(
    xs.reduce((a, b) => Math.max(a, b)) - xs.reduce((a, b) => Math.min(a, b)),
    ys.reduce((a, b) => Math.max(a, b)) - ys.reduce((a, b) => Math.min(a, b)),
  )
  if (extent > SMALL_M)
    throw new ProcessingError(
      'METADATA_INVALID',
      `Angles of '${source}' change by ${((slope * 1000) / DEGREE).toFixed(2)} degrees in a kilometre, expected ` +
        `at most ${((STEEPEST * 1000) / DEGREE).toFixed(1)}. Download the product again.`,
    )
  const level = median(points.map(([, , value]) => value))
  return () => level
}

function sturdyPlane(points: readonly (readonly [number, number, number])[]): Plane {
  let kept = points
  let plane = planeThrough(kept)
  for (let round = 0; round < ROUNDS; round++) {
    const current = plane
    const distance = ([x, y, v]: readonly [number, number, number]) => Math.abs(v - current(x, y))
    const usual = median(kept.map(distance))
    // 1.48 medians are a standard deviation.
    const far = Math.max(NEAR, 3 * 1.48 * usual)
    kept = points.filter((point) => distance(point) <= far)
    if (kept.length < 3) return plane
    plane = planeThrough(kept)
  }
  return plane
}

/** A detector image that is the same everywhere. */
export function oneDetector(detector: number): PixelBytes {
  return {
    read(window, out) {
      out.fill(detector, 0, window.width * window.height)
      return Promise.resolve()
    },
    close: () => undefined,
  }
}
