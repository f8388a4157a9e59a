import gdal from './gdal.js'
import { rm } from 'node:fs/promises'
import { ProcessingError } from '../domain/errors.js'
import type { Grid } from '../domain/grid.js'

type ScratchType = 'uint8' | 'uint16' | 'int16' | 'float32'
export type ScratchArray = Uint8Array | Uint16Array | Int16Array | Float32Array
const GDAL_TYPE = {
  uint8: gdal.GDT_Byte,
  uint16: gdal.GDT_UInt16,
  int16: gdal.GDT_Int16,
  float32: gdal.GDT_Float32,
} as const

/** A GeoTIFF that is written in strips of whole rows, from the top; tiles of 256 x 128. */
export interface StripWriter {
  /** Rows `y` to `y + height`, row-major, the whole width; `plane` counts from 0. */
  write(y: number, height: number, data: ScratchArray, plane?: number): void
  close(): void
}

/**
 * Creates a GeoTIFF for strips. `compress` false makes it a quick scratch file; planes that are never written stay sparse and read as 0.
 * Throws WRITE_FAILED (disk full shows in its cause) when GDAL refuses.
 */
export function createStrips(
  path: string,
  grid: Grid,
  type: ScratchType,
  options: {
    readonly compress: boolean
    /** Default: zstd, for what only our own tools read. */
    readonly codec?: 'zstd' | 'deflate'
    readonly planes?: number
    readonly noData?: number
    readonly description?: string
  },
): StripWriter {
  const planes = options.planes ?? 1
  const creation = ['TILED=YES', 'BLOCKXSIZE=256', 'BLOCKYSIZE=128', 'SPARSE_OK=TRUE', 'BIGTIFF=IF_SAFER']
  if (options.compress)
    creation.push(
      ...(options.codec === 'deflate' ? ['COMPRESS=DEFLATE', 'ZLEVEL=1'] : ['COMPRESS=ZSTD', 'ZSTD_LEVEL=1']),
      `PREDICTOR=${type === 'float32' ? 3 : 2}`,
    )
  const dataset = refused(path, () =>
    gdal.open(path, 'w', 'GTiff', grid.width, grid.height, planes, GDAL_TYPE[type], creation),
  )
  dataset.srs = gdal.SpatialReference.fromEPSG(grid.epsg)
  dataset.geoTransform = [grid.ulx, grid.pixelWidthM, 0, grid.uly, 0, -grid.pixelHeightM]
  const bands = Array.from({ length: planes }, (_, i) => dataset.bands.get(i + 1))
  for (const band of bands) {
    if (options.noData !== undefined) band.noDataValue = options.noData
    if (options.description !== undefined) band.setMetadata({ DESCRIPTION: options.description })
  }
  return {
    write: (y, height, data, plane = 0) => {
      refused(path, () => bands[plane]?.pixels.write(0, y, grid.width, height, data))
    },
    close: () => {
      refused(path, () => {
        dataset.flush()
        dataset.close()
      })
    },
  }
}

/** Lossless JPEG 2000 (reversible 5/3, tiles of 1024, GeoJP2 and GMLJP2 georeference) of a raster file. Two may run side by side. */
export async function encodeJp2(sourcePath: string, targetPath: string): Promise<void> {
  try {
    const source = await gdal.openAsync(sourcePath)
    const options = ['REVERSIBLE=YES', 'QUALITY=100', 'BLOCKXSIZE=1024', 'BLOCKYSIZE=1024']
    const target = await gdal.drivers.get('JP2OpenJPEG').createCopyAsync(targetPath, source, options)
    target.close()
    source.close()
    // GDAL notes the statistics or no-data of some sources in a side file; a product has none.
    await rm(`${targetPath}.aux.xml`, { force: true })
  } catch (cause) {
    throw new ProcessingError(
      'WRITE_FAILED',
      `${targetPath} could not be written as JPEG 2000: ${String(cause)}`,
      { cause },
    )
  }
}

function refused<T>(path: string, action: () => T): T {
  try {
    return action()
  } catch (cause) {
    throw new ProcessingError('WRITE_FAILED', `${path} could not be written: ${String(cause)}`, { cause })
  }
}
