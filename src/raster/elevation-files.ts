import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ProcessingError } from '../domain/errors.js'
import type { Grid } from '../domain/grid.js'
import gdal from './gdal.js'

/** Files of a folder that are taken as elevation: what DEMs are delivered as (GLO-30, SRTM, DTED, NASADEM). */
const ELEVATION_FILE = /\.(tiff?|hgt|dt[012]|img|vrt)$/i

/** Most files of one folder that are looked into. A world has 26,000 of one degree: it is better given as one VRT. */
export const MAX_ELEVATION_FILES = 5000

/**
 * The rasters of an elevation model that touch a grid, in the order of their names: the file itself, or those of a folder (its own files, not those of folders below).
 * @throws ProcessingError NOT_FOUND; BAD_ARGUMENT where a folder holds no raster that touches the grid, or too many; RASTER_UNREADABLE where one of them cannot be read.
 */
export async function elevationFiles(path: string, grid: Grid): Promise<readonly string[]> {
  const info = await stat(path).catch((cause: unknown) => {
    throw new ProcessingError('NOT_FOUND', `The DEM '${path}' is not there.`, { cause })
  })
  if (!info.isDirectory()) return [path]
  const names = (await readdir(path)).filter((name) => ELEVATION_FILE.test(name)).sort()
  if (names.length > MAX_ELEVATION_FILES)
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `The DEM folder '${path}' holds ${names.length} rasters, at most ${MAX_ELEVATION_FILES} are looked into. Give a VRT of them: gdalbuildvrt dem.vrt *.tif.`,
    )
  const touching: string[] = []
  for (const name of names) {
    const file = join(path, name)
    if (await touches(file, grid)) touching.push(file)
  }
  if (touching.length === 0)
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `None of the ${names.length} rasters in the DEM folder '${path}' touches the image; give those that cover it.`,
    )
  return touching
}

/** Whether a raster and the grid meet, seen in the raster's own pixels. */
async function touches(file: string, grid: Grid): Promise<boolean> {
  try {
    const raster = await gdal.openAsync(file)
    try {
      if (raster.srs === null || raster.geoTransform === null)
        throw new ProcessingError('RASTER_UNREADABLE', `'${file}' has no georeference; a DEM needs one.`)
      // To the raster's pixels: so the order of its CRS's axes does not matter.
      const toPixels = new gdal.CoordinateTransformation(gdal.SpatialReference.fromEPSG(grid.epsg), raster)
      const right = grid.ulx + grid.width * grid.pixelWidthM
      const bottom = grid.uly - grid.height * grid.pixelHeightM
      const corners = [grid.ulx, right].flatMap((x) =>
        [grid.uly, bottom].map((y) => toPixels.transformPoint(x, y)),
      )
      const meets = (at: readonly number[], size: number): boolean => {
        const [low, high] = [Math.min(...at), Math.max(...at)]
        // Edges between two corners bend by far less than a tenth of the extent.
        const margin = 0.1 * (high - low)
        return low - margin < size && high + margin > 0
      }
      const { x: width, y: height } = raster.rasterSize
      return (
        meets(
          corners.map(({ x }) => x),
          width,
        ) &&
        meets(
          corners.map(({ y }) => y),
          height,
        )
      )
    } finally {
      raster.close()
    }
  } catch (cause) {
    if (cause instanceof ProcessingError) throw cause
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new ProcessingError('RASTER_UNREADABLE', `The DEM '${file}' cannot be read: ${message}`, { cause })
  }
}
