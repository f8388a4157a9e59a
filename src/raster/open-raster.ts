import gdal from './gdal.js'
import { ProcessingError } from '../domain/errors.js'
import type { Grid, Window } from '../domain/grid.js'
import { checkJp2 } from './check-jp2.js'

/** Numbers that GDAL fills in place; any of them may lie on a SharedArrayBuffer. */
export type PixelArray =
  Uint8Array | Uint16Array | Int16Array | Uint32Array | Int32Array | Float32Array | Float64Array

/** A raster opened for reading. Bands are numbered from 0. Reads of one reader run one after another; open two for two decoders. */
export interface RasterReader {
  readonly path: string
  readonly width: number
  readonly height: number
  /** Null where the image has no georeference, a rotated one, or a CRS without EPSG number; `whyNoGrid` then says which. */
  readonly grid: Grid | null
  readonly whyNoGrid: string | null
  readonly bandCount: number
  /** GDAL's name of the first band's type: Byte, UInt16, Int16, Float32 ... */
  readonly dtype: string
  /** Decoding unit of GDAL in pixels. */
  readonly blockWidth: number
  readonly blockHeight: number
  /** Of the first band; null where none is declared. */
  readonly noData: number | null
  /** Widths of the reduced versions inside the file (JPEG 2000 resolutions, TIFF overviews), largest first. */
  readonly overviewWidths: readonly number[]
  /** Items of the default metadata domain. */
  readonly metadata: Readonly<Record<string, unknown>>
  /**
   * Fills `out` (row-major, at least window.width x window.height) with the pixels of a window.
   * Throws RASTER_UNREADABLE with file, band and window when a block cannot be decoded, INTERNAL for a window outside the image.
   */
  read(band: number, window: Window, out: PixelArray): Promise<void>
  /** As `read`, but resampled to outWidth x outHeight pixels by nearest neighbour, from the file's own reduced version where it has one. */
  readReduced(
    band: number,
    window: Window,
    outWidth: number,
    outHeight: number,
    out: PixelArray,
  ): Promise<void>
  close(): void
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error)).trim()

/**
 * Opens any raster that GDAL reads. JPEG 2000 files are first checked to be whole (see `checkJp2`), so that a cut file is never
 * read as zeros. Throws RASTER_UNREADABLE.
 */
export async function openRaster(path: string): Promise<RasterReader> {
  if (!path.startsWith('/vsi')) await checkJp2(path)
  let dataset: gdal.Dataset
  try {
    dataset = await gdal.openAsync(path)
  } catch (cause) {
    throw new ProcessingError(
      'RASTER_UNREADABLE',
      `'${path}' cannot be opened as a raster: ${messageOf(cause)}`,
      { cause },
    )
  }
  try {
    return readerOf(path, dataset)
  } catch (error) {
    dataset.close()
    throw error
  }
}

function readerOf(path: string, dataset: gdal.Dataset): RasterReader {
  // Everything synchronous is fetched now: a getter would block while a read is under way (ASYNCIO.md of gdal-async).
  const size = dataset.rasterSize
  const bandCount = dataset.bands.count()
  const first = bandCount > 0 ? dataset.bands.get(1) : undefined
  if (first === undefined) throw new ProcessingError('RASTER_UNREADABLE', `'${path}' holds no raster band.`)
  const bands = Array.from({ length: bandCount }, (_, i) => dataset.bands.get(i + 1))
  const overviewWidths = Array.from(
    { length: first.overviews.count() },
    (_, i) => first.overviews.get(i).size.x,
  )
  const metadata = dataset.getMetadata() as Readonly<Record<string, unknown>>
  const { grid, whyNoGrid } = readGrid(dataset, size.x, size.y)
  let last: Promise<unknown> = Promise.resolve()
  let closed = false

  const readInto = (
    band: number,
    w: Window,
    outWidth: number,
    outHeight: number,
    out: PixelArray,
  ): Promise<void> => {
    const source = bands[band]
    const inside =
      w.x >= 0 &&
      w.y >= 0 &&
      w.width > 0 &&
      w.height > 0 &&
      w.x + w.width <= size.x &&
      w.y + w.height <= size.y
    if (closed || source === undefined || !inside || out.length < outWidth * outHeight)
      return Promise.reject(
        new ProcessingError(
          'INTERNAL',
          `Read of band ${band}, ${describeWindow(w)} into ${out.length} pixels is impossible in '${path}' ` +
            `(${size.x} x ${size.y} pixels, ${bandCount} bands${closed ? ', closed' : ''}).`,
        ),
      )
    const reduced = outWidth !== w.width || outHeight !== w.height
    // One read at a time: GDAL locks the dataset, and waiting reads would only occupy libuv's threads.
    const run = async () => {
      try {
        await source.pixels.readAsync(
          w.x,
          w.y,
          w.width,
          w.height,
          out,
          reduced ? { buffer_width: outWidth, buffer_height: outHeight } : {},
        )
      } catch (cause) {
        throw new ProcessingError(
          'RASTER_UNREADABLE',
          `Band ${band + 1}, ${describeWindow(w)} of '${path}' cannot be decoded: ${messageOf(cause)}`,
          { cause },
        )
      }
    }
    const result = last.then(run)
    last = result.catch(() => undefined)
    return result
  }

  return {
    path,
    width: size.x,
    height: size.y,
    grid,
    whyNoGrid,
    bandCount,
    dtype: first.dataType ?? 'Unknown',
    blockWidth: first.blockSize.x,
    blockHeight: first.blockSize.y,
    noData: first.noDataValue,
    overviewWidths,
    metadata,
    read: (band, window, out) => readInto(band, window, window.width, window.height, out),
    readReduced: readInto,
    close() {
      if (closed) return
      closed = true
      void last.then(() => {
        dataset.close()
      })
    },
  }
}

function describeWindow(w: Window): string {
  return `block at (${w.x}, ${w.y}) of ${w.width} x ${w.height} pixels`
}

function readGrid(
  dataset: gdal.Dataset,
  width: number,
  height: number,
): { grid: Grid | null; whyNoGrid: string | null } {
  const transform = dataset.geoTransform
  const srs = dataset.srs
  if (transform === null || srs === null) return { grid: null, whyNoGrid: 'the image has no georeference' }
  const [ulx, pixelWidthM, rotation1, uly, rotation2, minusHeight] = transform as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  if (rotation1 !== 0 || rotation2 !== 0 || pixelWidthM <= 0 || minusHeight >= 0)
    return { grid: null, whyNoGrid: 'the image is not north-up' }
  const epsg = epsgOf(srs)
  if (epsg === null) return { grid: null, whyNoGrid: 'the CRS of the image has no EPSG number' }
  return { grid: { epsg, ulx, uly, pixelWidthM, pixelHeightM: -minusHeight, width, height }, whyNoGrid: null }
}

function epsgOf(srs: gdal.SpatialReference): number | null {
  try {
    srs.autoIdentifyEPSG()
  } catch {
    // Not identified: the authority written in the file, if any, still counts.
  }
  // The typings want a node name; GDAL takes null for the root of the CRS, whatever its kind.
  const name = srs.getAuthorityName(null) as string | null
  const code = Number(srs.getAuthorityCode(null))
  return name === 'EPSG' && Number.isInteger(code) && code > 0 ? code : null
}
