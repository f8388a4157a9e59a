import gdal from './gdal.js'
import { ProcessingError } from '../domain/errors.js'
import { describeGrid, type Grid } from '../domain/grid.js'
import { checkJp2 } from './check-jp2.js'

let virtualFiles = 0

/** How values between source pixels are made. `lanczos` keeps fine patterns in their place best; `bilinear` or `cubicspline` for heights, `near` for classes, `average` when the target is much coarser. */
export type Resampling = 'near' | 'bilinear' | 'cubic' | 'cubicspline' | 'lanczos' | 'average'

/**
 * Warps the first band of any GDAL raster (for example a DEM in degrees) onto a grid, in memory; of several rasters the later ones lie above the
 * earlier ones.
 * Returns row-major grid.width x grid.height values in the source's unit; NaN where no source has data or reaches.
 * No vertical datum is changed. Throws RASTER_UNREADABLE where a file cannot be read, has no CRS, or cannot be warped.
 */
export async function warpToGrid(
  paths: string | readonly string[],
  grid: Grid,
  resampling: Resampling,
): Promise<Float32Array> {
  const all = typeof paths === 'string' ? [paths] : paths
  const out = new Float32Array(grid.width * grid.height)
  const right = grid.ulx + grid.width * grid.pixelWidthM
  const bottom = grid.uly - grid.height * grid.pixelHeightM
  const sources: FirstBand[] = []
  try {
    for (const path of all) sources.push(await openFirstBand(path, grid))
    const warped = await gdal.warpAsync(
      'warped',
      null,
      sources.map(({ view }) => view),
      [
        ...['-of', 'MEM', '-ot', 'Float32', '-dstnodata', 'nan', '-r', resampling],
        ...['-t_srs', `EPSG:${grid.epsg}`, '-te', `${grid.ulx}`, `${bottom}`, `${right}`, `${grid.uly}`],
        ...['-ts', `${grid.width}`, `${grid.height}`],
      ],
    )
    await warped.bands.get(1).pixels.readAsync(0, 0, grid.width, grid.height, out)
    warped.close()
    return out
  } catch (cause) {
    if (cause instanceof ProcessingError) throw cause
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new ProcessingError(
      'RASTER_UNREADABLE',
      `'${all.join("', '")}' cannot be warped to ${describeGrid(grid)}: ${message}`,
      { cause },
    )
  } finally {
    for (const source of sources) source.close()
  }
}

interface FirstBand {
  readonly view: gdal.Dataset
  close(): void
}

async function openFirstBand(path: string, grid: Grid): Promise<FirstBand> {
  if (!path.startsWith('/vsi')) await checkJp2(path)
  const source = await gdal.openAsync(path)
  if (source.srs === null || source.geoTransform === null)
    throw new ProcessingError(
      'RASTER_UNREADABLE',
      `'${path}' has no georeference and cannot be warped to ${describeGrid(grid)}.`,
    )
  const bands = source.bands.count()
  if (bands < 1) throw new ProcessingError('RASTER_UNREADABLE', `'${path}' holds no raster band.`)
  if (bands === 1)
    return {
      view: source,
      close: () => {
        source.close()
      },
    }
  // GDAL 3.6 warps all bands: of several, a virtual file shows the first alone.
  const virtual = `/vsimem/tilth-warp-${++virtualFiles}.vrt`
  const view = await gdal.translateAsync(virtual, source, ['-of', 'VRT', '-b', '1'])
  return {
    view,
    close: () => {
      view.close()
      gdal.vsimem.release(virtual)
      source.close()
    },
  }
}
