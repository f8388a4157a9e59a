import { ProcessingError } from '../domain/errors.js'
import gdal from './gdal.js'

/** Mean of one band, and all that the file says of it in words. */
export interface RasterMean {
  readonly description: string
  readonly mean: number
  /** What it is of, ms since 1970; null where the file does not tell. */
  readonly validAt: number | null
}

/** West, south, east, north in degrees. */
export type DegreeBox = readonly [number, number, number, number]

export interface MeansOptions {
  /** Only pixels whose centres lie in here, or the one below its middle; default all. */
  readonly within?: DegreeBox
}

/**
 * Means over the bands of a raster of fields, such as GRIB or NetCDF with its variables, scaled as the file says; no-data is left out, a band without any value too. Of a raster in degrees `within` cuts out a part, whether its
 * longitudes begin at -180 or at 0. Throws RASTER_UNREADABLE.
 */
export async function readRasterMeans(path: string, options: MeansOptions = {}): Promise<RasterMean[]> {
  try {
    return await meansOf(path, options)
  } catch (cause) {
    const message = cause instanceof Error ? cause.message.trim() : String(cause)
    throw new ProcessingError('RASTER_UNREADABLE', `'${path}' cannot be read as a raster: ${message}`, {
      cause,
    })
  }
}

async function meansOf(path: string, options: MeansOptions): Promise<RasterMean[]> {
  const dataset = await gdal.openAsync(path)
  try {
    const inner = Object.entries(dataset.getMetadata('SUBDATASETS') as Record<string, string>)
      .filter(([key]) => key.endsWith('_NAME'))
      .map(([, name]) => name)
    if (inner.length > 0) {
      const means: RasterMean[] = []
      for (const name of inner) means.push(...(await meansOf(name, options)))
      return means
    }
    return await meansOfBands(dataset, options)
  } finally {
    dataset.close()
  }
}

async function meansOfBands(dataset: gdal.Dataset, { within }: MeansOptions): Promise<RasterMean[]> {
  const about = dataset.getMetadata() as Record<string, string>
  const window = within === undefined ? wholeOf(dataset) : windowOf(dataset, within)
  if (window === null) return []
  const means: RasterMean[] = []
  for (let i = 1; i <= dataset.bands.count(); i++) {
    const band = dataset.bands.get(i)
    const words = band.getMetadata() as Record<string, string>
    const { noDataValue: noData, scale, offset } = band
    const values = new Float64Array(window.width * window.height)
    await band.pixels.readAsync(window.x, window.y, window.width, window.height, values)
    const known = values.filter((v) => Number.isFinite(v) && v !== noData)
    if (known.length === 0) continue
    means.push({
      description: [band.description, ...Object.values(words)].join(' '),
      mean: (known.reduce((sum, v) => sum + v, 0) / known.length) * (scale ?? 1) + (offset ?? 0),
      validAt: timeOf(words, about),
    })
  }
  return means
}

const wholeOf = ({ rasterSize: { x: width, y: height } }: gdal.Dataset) => ({ x: 0, y: 0, width, height })

/** Pixels whose centres lie in the box, at least the one below its middle; null where the raster does not reach there. */
function windowOf({ geoTransform, rasterSize }: gdal.Dataset, [boxWest, south, east, north]: DegreeBox) {
  if (geoTransform === null) throw new Error('it has no georeference')
  const [left, stepX, , top, , stepY] = geoTransform as [number, number, number, number, number, number]
  const turn = (lon: number) => (lon < left ? lon + 360 : lon >= left + 360 ? lon - 360 : lon)
  const range = (from: number, to: number, size: number): readonly [number, number] | null => {
    const first = Math.ceil(Math.min(from, to) - 0.5)
    const last = Math.floor(Math.max(from, to) - 0.5)
    const middle = Math.floor((from + to) / 2)
    const [a, b] = first <= last ? [Math.max(0, first), Math.min(size - 1, last)] : [middle, middle]
    return a > b || a < 0 || b >= size ? null : [a, b - a + 1]
  }
  const west = turn(boxWest)
  const across = range((west - left) / stepX, (west + (east - boxWest) - left) / stepX, rasterSize.x)
  const down = range((north - top) / stepY, (south - top) / stepY, rasterSize.y)
  if (across === null || down === null) return null
  return { x: across[0], y: down[0], width: across[1], height: down[1] }
}

/** Seconds of the units that NetCDF counts time in. */
const UNIT_S: Readonly<Record<string, number>> = { seconds: 1, minutes: 60, hours: 3600, days: 86_400 }

/** When a band holds: GRIB tells seconds since 1970, NetCDF a number and elsewhere in which unit since when. */
function timeOf(band: Record<string, string>, dataset: Record<string, string>): number | null {
  const grib = /^\s*(\d+)/.exec(band['GRIB_VALID_TIME'] ?? '')
  if (grib !== null) return Number(grib[1]) * 1000
  for (const [key, value] of Object.entries(band)) {
    const dimension = /^NETCDF_DIM_(.*time.*)$/.exec(key)?.[1]
    const units = dimension === undefined ? undefined : dataset[`${dimension}#units`]
    const [, unit, since] = /^(\w+) since (.+)$/.exec(units ?? '') ?? []
    const [perUnit, begin] = [UNIT_S[unit ?? ''], Date.parse(`${(since ?? '').trim().replace(' ', 'T')}Z`)]
    const start = Number.isNaN(begin) ? Date.parse(`${(since ?? '').trim().slice(0, 10)}T00:00Z`) : begin
    if (perUnit !== undefined && !Number.isNaN(start)) return start + Number(value) * perUnit * 1000
  }
  return null
}
