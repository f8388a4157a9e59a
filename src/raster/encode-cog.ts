import gdal from './gdal.js'
import { ProcessingError } from '../domain/errors.js'

/**
 * Copies a raster file into a Cloud-Optimized GeoTIFF as the USGS delivers them: DEFLATE with predictor, tiles of 256, overviews by the nearest pixel,
 * the georeference tied to pixel centres (AREA_OR_POINT=Point). Two may run side by side. Throws WRITE_FAILED.
 */
export async function encodePointCog(sourcePath: string, targetPath: string): Promise<void> {
  try {
    const source = await gdal.openAsync(sourcePath, 'r+')
    source.setMetadata({ AREA_OR_POINT: 'Point' })
    source.flush()
    const options = [
      'COMPRESS=DEFLATE',
      'LEVEL=6',
      'PREDICTOR=YES',
      'BLOCKSIZE=256',
      'OVERVIEW_RESAMPLING=NEAREST',
    ]
    const target = await gdal.drivers.get('COG').createCopyAsync(targetPath, source, options)
    target.close()
    source.close()
  } catch (cause) {
    throw new ProcessingError(
      'WRITE_FAILED',
      `${targetPath} could not be written as GeoTIFF: ${String(cause)}`,
      { cause },
    )
  }
}
