import { ProcessingError } from '../domain/errors.js'
import type { Grid } from '../domain/grid.js'
import { elevationFiles } from './elevation-files.js'
import gdal from './gdal.js'
import { warpToGrid } from './warp-to-grid.js'

/** Pixels around a void from which it is filled: a void twice as wide is closed, larger ones are mostly sea. */
const FILL_PIXELS = 20

export interface HeightsOnGrid {
  /** [height][width] metres; 0 where the model has no value within FILL_PIXELS. */
  readonly metres: Float32Array
  /** Of the pixels of the grid, without a value in the model itself. */
  readonly missingShare: number
  /** Of these, how many could not be filled from around and got 0, as a share of the grid. */
  readonly seaShare: number
  /** What heights are counted from, as the rasters' CRSs name it: `EGM96 height`, `ellipsoid`; several between commas, empty where none says it. */
  readonly datum: string
}

/**
 * Heights of an elevation model on a grid. Voids are filled from their edges (inverse distances along eight directions, one pass of smoothing: GDALFillNodata); what lies
 * farther than FILL_PIXELS from any height is taken as sea.
 * @param path a raster, or a folder of rasters. @throws ProcessingError of `elevationFiles` and `warpToGrid`; BAD_ARGUMENT where a raster says that it holds no metres.
 */
export async function readHeights(
  path: string,
  grid: Grid,
  resampling: 'bilinear' | 'cubicspline',
): Promise<HeightsOnGrid> {
  const files = await elevationFiles(path, grid)
  const stated = new Set<string>()
  for (const file of files) {
    const datum = await datumOfMetres(file)
    if (datum !== null) stated.add(datum)
  }
  const datum = [...stated].sort().join(', ')
  const metres = await warpToGrid(files, grid, resampling)
  // By index here and below: an iterator over thirty million posts costs a second.
  let missing = 0
  for (let i = 0; i < metres.length; i++) if (Number.isNaN(metres[i] ?? NaN)) missing++
  if (missing === 0 || missing === metres.length)
    return {
      metres: missing === 0 ? metres : metres.fill(0),
      missingShare: missing / metres.length,
      seaShare: missing / metres.length,
      datum,
    }
  const memory = gdal.open('heights', 'w', 'MEM', grid.width, grid.height, 1, gdal.GDT_Float32)
  try {
    const band = memory.bands.get(1)
    band.noDataValue = NaN
    await band.pixels.writeAsync(0, 0, grid.width, grid.height, metres)
    await gdal.fillNodataAsync({ src: band, searchDist: FILL_PIXELS, smoothingIterations: 1 })
    await band.pixels.readAsync(0, 0, grid.width, grid.height, metres)
  } finally {
    memory.close()
  }
  let sea = 0
  for (let i = 0; i < metres.length; i++)
    if (Number.isNaN(metres[i] ?? NaN)) {
      metres[i] = 0
      sea++
    }
  return { metres, missingShare: missing / metres.length, seaShare: sea / metres.length, datum }
}

/** Of heights above the ellipsoid, which differ from those above the geoid by up to 107 m. */
export const ELLIPSOID = 'ellipsoid'

/** Most rasters declare no unit; what one declares counts. Returns the vertical datum of its CRS, null where it has none. */
async function datumOfMetres(file: string): Promise<string | null> {
  const raster = await gdal.openAsync(file).catch(() => null)
  // What cannot be opened is told by the warp.
  if (raster === null) return null
  try {
    const unit = raster.bands.count() > 0 ? (raster.bands.get(1).unitType ?? '') : ''
    if (unit !== '' && !/^(m|met(er|re)s?)$/i.test(unit.trim()))
      throw new ProcessingError(
        'BAD_ARGUMENT',
        `The DEM '${file}' says that its heights are in '${unit}', expected metres. Convert it: gdal_calc.py with the factor, and gdal_edit.py -units m.`,
      )
    const wkt = raster.srs?.toWKT() ?? ''
    const vertical = /\bVERT(?:_CS|CRS)\["([^"]+)"/.exec(wkt)?.[1]
    return vertical ?? (/\bCS\[ellipsoidal,3\]|\bellipsoidal height\b/i.test(wkt) ? ELLIPSOID : null)
  } finally {
    raster.close()
  }
}
