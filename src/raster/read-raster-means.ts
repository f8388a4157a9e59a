import gdal from './gdal.js'
import { ProcessingError } from '../domain/errors.js'

/** Mean of one band, and all that the file says of it in words. */
export interface RasterMean {
  readonly description: string
  readonly mean: number
}

/** Means over the bands of a small raster of fields, such as GRIB; no-data is left out, a band without any value too. Throws RASTER_UNREADABLE. */
export async function readRasterMeans(path: string): Promise<RasterMean[]> {
  try {
    const dataset = await gdal.openAsync(path)
    const { x, y } = dataset.rasterSize
    const means: RasterMean[] = []
    for (let i = 1; i <= dataset.bands.count(); i++) {
      const band = dataset.bands.get(i)
      const words = Object.values(band.getMetadata() as Record<string, string>)
      const noData = band.noDataValue
      const values = new Float64Array(x * y)
      await band.pixels.readAsync(0, 0, x, y, values)
      const known = values.filter((v) => Number.isFinite(v) && v !== noData)
      if (known.length === 0) continue
      means.push({
        description: [band.description, ...words].join(' '),
        mean: known.reduce((sum, v) => sum + v, 0) / known.length,
      })
    }
    dataset.close()
    return means
  } catch (cause) {
    const message = cause instanceof Error ? cause.message.trim() : String(cause)
    throw new ProcessingError('RASTER_UNREADABLE', `'${path}' cannot be read as a raster: ${message}`, {
      cause,
    })
  }
}
