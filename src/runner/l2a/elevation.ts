import { ProcessingError } from '../../domain/errors.js'
import type { Grid } from '../../domain/grid.js'
import { ALTITUDE_RANGE_M, pressureAtAltitude, pressureNodes } from '../../processors/l2a/pressure.js'
import { ELLIPSOID, readHeights } from '../../raster/read-heights.js'

/** Side of the pixels on which pressure is known, metres: pressure changes by 0.1 hPa a metre of height, so finer detail is noise. */
const PRESSURE_PIXEL_M = 120

/** Surface pressure of the whole image, and the pressures at which coefficients are evaluated. */
export interface SurfacePressure {
  /** Null without DEM: sea level everywhere, one node. */
  readonly grid: { readonly grid: Grid; readonly hpa: Float32Array } | null
  /** Ascending, hPa. */
  readonly nodesHpa: readonly number[]
  /** Metres, voids filled; `missingShare` of the pixels is too far from any height and taken as sea; `datum` as `HeightsOnGrid` has it. Null without DEM. */
  readonly heights: {
    readonly minM: number
    readonly maxM: number
    readonly missingShare: number
    readonly datum: string
  } | null
}

/**
 * Pressure from a DEM warped bilinearly to 120 m (or the image's own pixels where those are larger). Voids are filled from their edges; farther
 * off the sea level's pressure stands (wide voids of DEMs are mostly sea); `heights.missingShare` tells how much that is.
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
  const { metres, missingShare, seaShare, datum } = await readHeights(demPath, grid, 'bilinear')
  if (missingShare === 1)
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `The DEM '${demPath}' has no value anywhere on the image; give one that covers it.`,
    )
  let min = Infinity
  let max = -Infinity
  const hpa = new Float32Array(new SharedArrayBuffer(metres.length * 4))
  for (let i = 0; i < metres.length; i++) {
    const z = metres[i] ?? NaN
    if (z < min) min = z
    if (z > max) max = z
    hpa[i] = pressureAtAltitude(z)
  }
  if (min < ALTITUDE_RANGE_M.min || max > ALTITUDE_RANGE_M.max)
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `Heights of the DEM '${demPath}' reach from ${min.toFixed(0)} to ${max.toFixed(0)}, expected metres within ` +
        `${ALTITUDE_RANGE_M.min} to ${ALTITUDE_RANGE_M.max}. Is it in feet, or is its no-data value not declared?`,
    )
  return {
    grid: { grid, hpa },
    nodesHpa: pressureNodes(min, max),
    heights: { minM: min, maxM: max, missingShare: seaShare, datum },
  }
}

/** Pressure at the centres of cells, hPa: bilinear between the pixels of the elevation's grid, constant beyond them; sea level without elevation. */
export function pressureOnCells({ grid, nodesHpa }: SurfacePressure, cells: Grid): Float32Array {
  const out = new Float32Array(cells.width * cells.height).fill(nodesHpa[0] ?? NaN)
  if (grid === null) return out
  const { grid: of, hpa } = grid
  const place = (at: number, most: number) => {
    const inside = Math.min(Math.max(at, 0), most - 1)
    const low = Math.min(Math.floor(inside), most - 2)
    return [low, inside - low] as const
  }
  for (let i = 0; i < out.length; i++) {
    const x = cells.ulx + ((i % cells.width) + 0.5) * cells.pixelWidthM - of.ulx
    const y = of.uly - cells.uly + (Math.floor(i / cells.width) + 0.5) * cells.pixelHeightM
    const [column, fx] = place(x / of.pixelWidthM - 0.5, of.width)
    const [row, fy] = place(y / of.pixelHeightM - 0.5, of.height)
    const value = (r: number, c: number) => hpa[(row + r) * of.width + column + c] ?? NaN
    out[i] =
      (1 - fy) * ((1 - fx) * value(0, 0) + fx * value(0, 1)) +
      fy * ((1 - fx) * value(1, 0) + fx * value(1, 1))
  }
  return out
}

/** What the report says of the elevation: its datum, what it lacks, and flags for both. */
export function elevationReport({ heights }: SurfacePressure): {
  readonly detail: string
  readonly notes: readonly string[]
  readonly flags: readonly string[]
} {
  if (heights === null) return { detail: '', notes: [], flags: ['sea_level_pressure'] }
  const { missingShare, datum } = heights
  const isEllipsoid = datum.split(', ').includes(ELLIPSOID)
  return {
    detail: `heights in m, vertical datum ${datum === '' ? 'not stated: EGM2008 assumed' : `as stated: ${datum}`}`,
    notes: [
      ...(missingShare > 0
        ? [
            `The DEM has no value on ${(missingShare * 100).toFixed(1)} % of the image: sea level was taken there.`,
          ]
        : []),
      ...(isEllipsoid
        ? [
            'The DEM has heights above the ellipsoid, which were taken for heights above the geoid: up to 107 m, or 1.3 % of the pressure, off. Slopes do not suffer.',
          ]
        : []),
    ],
    flags: [...(missingShare > 0 ? ['dem_incomplete'] : []), ...(isEllipsoid ? ['dem_ellipsoidal'] : [])],
  }
}
