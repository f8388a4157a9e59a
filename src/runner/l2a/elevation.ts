import { ProcessingError } from '../../domain/errors.js'
import type { Grid } from '../../domain/grid.js'
import { ALTITUDE_RANGE_M, pressureAtAltitude, pressureNodes } from '../../processors/l2a/pressure.js'
import { warpToGrid } from '../../raster/warp-to-grid.js'

/** Side of the pixels on which pressure is known, metres: pressure changes by 0.1 hPa a metre of height, so finer detail is noise. */
const PRESSURE_PIXEL_M = 120

/** Surface pressure of the whole image, and the pressures at which coefficients are evaluated. */
export interface SurfacePressure {
  /** Null without DEM: sea level everywhere, one node. */
  readonly grid: { readonly grid: Grid; readonly hpa: Float32Array } | null
  /** Ascending, hPa. */
  readonly nodesHpa: readonly number[]
  /** Metres above the geoid, over the pixels where the DEM has values; null without DEM. */
  readonly heights: { readonly minM: number; readonly maxM: number; readonly missingShare: number } | null
}

/**
 * Pressure from a DEM warped bilinearly to 120 m (or the image's own pixels where those are larger). Where the DEM has no value the sea
 * level's pressure stands (voids of DEMs are mostly sea); `heights.missingShare` tells how much that is.
 * @throws ProcessingError RASTER_UNREADABLE, NOT_FOUND; BAD_ARGUMENT where the DEM does not touch the image or its heights cannot be metres.
 */
export async function surfacePressure(image: Grid, demPath: string | null): Promise<SurfacePressure> {
  if (demPath === null) return { grid: null, nodesHpa: pressureNodes(0, 0), heights: null }
  const pixel = Math.max(PRESSURE_PIXEL_M, image.pixelWidthM)
  const width = Math.max(2, Math.round((image.width * image.pixelWidthM) / pixel))
  const height = Math.max(2, Math.round((image.height * image.pixelHeightM) / pixel))
  const grid: Grid = {
    ...image,
    width,
    height,
    pixelWidthM: (image.width * image.pixelWidthM) / width,
    pixelHeightM: (image.height * image.pixelHeightM) / height,
  }
  const metres = await warpToGrid(demPath, grid, 'bilinear')
  let min = Infinity
  let max = -Infinity
  let missing = 0
  const hpa = new Float32Array(new SharedArrayBuffer(metres.length * 4))
  for (const [i, z] of metres.entries()) {
    if (Number.isNaN(z)) missing++
    else {
      if (z < min) min = z
      if (z > max) max = z
    }
    hpa[i] = pressureAtAltitude(z)
  }
  if (missing === metres.length)
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `The DEM '${demPath}' has no value anywhere on the image; give one that covers it.`,
    )
  if (min < ALTITUDE_RANGE_M.min || max > ALTITUDE_RANGE_M.max)
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `Heights of the DEM '${demPath}' reach from ${min.toFixed(0)} to ${max.toFixed(0)}, expected metres within ` +
        `${ALTITUDE_RANGE_M.min} to ${ALTITUDE_RANGE_M.max}. Is it in feet, or is its no-data value not declared?`,
    )
  const low = missing > 0 ? Math.min(min, 0) : min
  const high = missing > 0 ? Math.max(max, 0) : max
  return {
    grid: { grid, hpa },
    nodesHpa: pressureNodes(low, high),
    heights: { minM: min, maxM: max, missingShare: missing / metres.length },
  }
}
