import gdal from './gdal.js'
import { existsSync } from 'node:fs'
import { ProcessingError } from '../domain/errors.js'

/** Copies the first three bands of a picture into a JPEG file, quality 90; false where there is no picture. Throws WRITE_FAILED. */
export async function encodeJpeg(sourcePath: string, targetPath: string): Promise<boolean> {
  if (!existsSync(sourcePath)) return false
  try {
    const source = await gdal.openAsync(sourcePath)
    const options = ['-of', 'JPEG', '-b', '1', '-b', '2', '-b', '3', '-co', 'QUALITY=90']
    const target = await gdal.translateAsync(targetPath, source, options)
    target.close()
    source.close()
    return true
  } catch (cause) {
    throw new ProcessingError(
      'WRITE_FAILED',
      `${targetPath} could not be written as JPEG: ${String(cause)}`,
      {
        cause,
      },
    )
  }
}
