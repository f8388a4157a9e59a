import type { Grid } from '../../domain/grid.js'
import type { L1Scene } from '../../domain/l1-scene.js'
import type { L2aParams } from '../../processors/l2a/definition.js'
import { slopeErrorsOf, slopeVariances, type SlopeWindow } from '../../processors/l2a/slope-error.js'
import { gridConvergence, directionAt } from '../../processors/l2a/sun-direction.js'
import { readHeights } from '../../raster/read-heights.js'
import { toLonLat } from '../../raster/transform.js'
import type { Budget } from '../budget.js'
import type { KernelPool } from '../kernel-pool.js'

/** Least side of the pixels on which slopes are known, m: global models have 30 m, and slopes between their posts are smooth. */
const SLOPE_PIXEL_M = 20
/** How far around a pixel the plane is laid that its slope is told from, m: some times the reach over which errors of global models go together. */
const SLOPE_REACH_M = 120
/** Least side of the pixels on which cast shadows are looked for, m. */
const SHADOW_PIXEL_M = 60
/** How far beyond the image ground that may stand before the sun is looked at, at most, m. */
const MAX_REACH_M = 20_000
/** Hills beyond a flat image are looked for as if they were so high, m. */
const LEAST_RELIEF_M = 500
/** Ground that rises above the ray by less hides nothing, m: about the error of global models. */
const TOLERANCE_M = 5

export interface TerrainWork {
  readonly pool: KernelPool
  /** Warping takes a slot of it as decoding does. */
  readonly budget: Budget
  readonly signal?: AbortSignal
}

/** How far slopes may be off, on shared memory. */
export interface SlopeDoubt {
  /** [height][width]: how smooth the ground is, see the kernel. */
  readonly smoothness: Uint8Array
  /** [256] by these: variance of each component of a slope. */
  readonly variances: Float64Array
}

/** Slopes and cast shadows of the image, on shared memory. */
export interface Terrain {
  readonly grid: Grid
  /** [height][width] x SLOPE_SCALE. */
  readonly east: Int16Array
  readonly north: Int16Array
  /** [height][width] 1 where other ground stands before the sun. */
  readonly hidden: Uint8Array
  /** How far slopes may be off; null: not asked for. */
  readonly doubt: SlopeDoubt | null
  /** Ground that reflects as a canopy of upright plants (Dymond and Shepherd 1999), else after Lambert. */
  readonly isCanopy: boolean
}

const grown = (image: Grid, pixelM: number, marginPixels: number): Grid => {
  const columns = Math.ceil((image.width * image.pixelWidthM) / pixelM)
  const rows = Math.ceil((image.height * image.pixelHeightM) / pixelM)
  return {
    epsg: image.epsg,
    ulx: image.ulx - marginPixels * pixelM,
    uly: image.uly + marginPixels * pixelM,
    pixelWidthM: pixelM,
    pixelHeightM: pixelM,
    width: columns + 2 * marginPixels,
    height: rows + 2 * marginPixels,
  }
}

const sharedFloats = (from: Float32Array): Float32Array => {
  const copy = new Float32Array(new SharedArrayBuffer(from.byteLength))
  copy.set(from)
  return copy
}

/**
 * Slopes of the ground from heights on a cubic spline, by planes around each pixel where the ground is no rougher than heights that are off by `demErrorM`, and what lies
 * in the shadow of other ground, from the DEM at `dem`.
 * Rejects with the errors of `readHeights` and the signal's reason.
 */
export async function prepareTerrain(
  { sun }: Pick<L1Scene, 'sun'>,
  image: Grid,
  {
    dem,
    demErrorM,
    isCanopy,
    isDoubted,
  }: {
    readonly dem: string
    readonly demErrorM: number
    readonly isCanopy: boolean
    readonly isDoubted: boolean
  },
  { pool, budget, signal }: TerrainWork,
): Promise<Terrain> {
  const pixelM = Math.max(SLOPE_PIXEL_M, image.pixelWidthM)
  const pixels = Math.round(SLOPE_REACH_M / pixelM)
  // Pixels as wide as the plane have averaged the errors already.
  const [reach, errorM] = pixels < 1 ? [1, 0] : [pixels, demErrorM]
  const around = grown(image, pixelM, reach)
  const { metres } = await budget.run(() => readHeights(dem, around, 'cubicspline'))
  signal?.throwIfAborted()
  const grid = grown(image, pixelM, 0)
  const size = grid.width * grid.height
  const east = new Int16Array(new SharedArrayBuffer(2 * size))
  const north = new Int16Array(new SharedArrayBuffer(2 * size))
  const heights = sharedFloats(metres)
  const doubt = isDoubted ? slopeDoubt(size, { pixelM, reach, errorM }) : null
  await pool.slopes({
    ...{ heights, rows: around.height, columns: around.width, pixelM, reach, errorM, east, north },
    ...(doubt === null ? {} : { smoothness: doubt.smoothness }),
  })
  const hidden = await castOnto(grid, { sun, image, dem, pool, budget, heights })
  return { grid, east, north, hidden, doubt, isCanopy }
}

/** To be filled by the kernel. */
function slopeDoubt(size: number, window: SlopeWindow): SlopeDoubt {
  const variances = slopeVariances(slopeErrorsOf(window))
  const shared = new Float64Array(new SharedArrayBuffer(variances.byteLength))
  shared.set(variances)
  return { smoothness: new Uint8Array(new SharedArrayBuffer(size)), variances: shared }
}

type TerrainParams = Pick<L2aParams, 'dem' | 'dem_error' | 'slopes' | 'uncertainty'>

/** The terrain that parameters ask for; null: the ground counts as level. Rejects as `prepareTerrain`. */
export async function terrainOf(
  scene: Pick<L1Scene, 'sun'>,
  image: Grid,
  { dem, dem_error: demErrorM, slopes, uncertainty }: TerrainParams,
  work: TerrainWork,
): Promise<Terrain | null> {
  if (dem === null || slopes === 'none') return null
  const isCanopy = slopes === 'canopy'
  return prepareTerrain(scene, image, { dem, demErrorM, isCanopy, isDoubted: uncertainty }, work)
}

/** Convergence in the middle of an image, degrees: over a tile it changes by less than a degree. */
export function convergenceOf(image: Grid): number {
  const [middle] = toLonLat(image.epsg, [
    [image.ulx + (image.width * image.pixelWidthM) / 2, image.uly - (image.height * image.pixelHeightM) / 2],
  ])
  return middle === undefined ? 0 : gridConvergence(image.epsg, ...middle)
}

/** Highest minus lowest, m. */
function reliefOf(heights: Float32Array): number {
  let least = Infinity
  let most = -Infinity
  for (let i = 0; i < heights.length; i++) {
    const z = heights[i] ?? NaN
    if (z < least) least = z
    if (z > most) most = z
  }
  return most - least
}

async function castOnto(
  grid: Grid,
  {
    sun,
    image,
    dem,
    pool,
    budget,
    heights,
  }: Pick<L1Scene, 'sun'> &
    TerrainWork & {
      readonly image: Grid
      readonly dem: string
      readonly heights: Float32Array
    },
): Promise<Uint8Array> {
  const hidden = new Uint8Array(new SharedArrayBuffer(grid.width * grid.height))
  const relief = reliefOf(heights)
  const convergence = convergenceOf(image)
  const corners = (of: Grid) =>
    [of.uly, of.uly - of.height * of.pixelHeightM].flatMap((y) =>
      [of.ulx, of.ulx + of.width * of.pixelWidthM].map((x) => directionAt(sun, x, y, convergence)),
    )
  const tangent = Math.max(...corners(image).map((to) => Math.hypot(to.east, to.north)))
  const pixelM = Math.max(SHADOW_PIXEL_M, image.pixelWidthM)
  // The relief beyond the image may be greater than within it: twice as far is looked at, and some way where the image is flat.
  const reach = Math.min(Math.max(2 * relief, LEAST_RELIEF_M) * tangent, MAX_REACH_M)
  const margin = Math.ceil(reach / pixelM)
  const wide = grown(image, pixelM, margin)
  const { metres } = await budget.run(() => readHeights(dem, wide, 'bilinear'))
  const directions = corners(wide)
  const far = new Uint8Array(new SharedArrayBuffer(wide.width * wide.height))
  await pool.castShadows({
    ...{ heights: sharedFloats(metres), rows: wide.height, columns: wide.width, pixelM },
    sunEast: Float32Array.from(directions, (to) => to.east),
    sunNorth: Float32Array.from(directions, (to) => to.north),
    ...{ toleranceM: TOLERANCE_M, hidden: far },
  })
  const scale = grid.pixelWidthM / pixelM
  const nearest = (pixel: number) => margin + Math.floor((pixel + 0.5) * scale)
  for (let row = 0; row < grid.height; row++)
    for (let column = 0; column < grid.width; column++)
      hidden[row * grid.width + column] = far[nearest(row) * wide.width + nearest(column)] ?? 0
  return hidden
}
