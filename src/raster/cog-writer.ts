import { open, rename, rm, type FileHandle } from 'node:fs/promises'
import gdal from './gdal.js'
import type { Codec } from '../domain/codec.js'
import { asProcessingError, ProcessingError } from '../domain/errors.js'
import type { Grid } from '../domain/grid.js'
import {
  COG_TILE,
  cogLevels,
  longs,
  readTiffTags,
  shorts,
  tiffHeader,
  type CogLevel,
  type TiffTag,
} from './cog-layout.js'

export type CogDtype = 'int16' | 'uint16' | 'uint8'

/** What a COG says of itself. One band. */
export interface CogSpec {
  /** Final path; its folder must exist. Nothing is there before `finish` ends. */
  readonly path: string
  readonly grid: Grid
  readonly dtype: CogDtype
  readonly noData: number | null
  readonly codec: Codec
  /** 2: tiles hold horizontal differences. */
  readonly predictor: 1 | 2
  /** True value = stored * scale + offset, in `unit`. */
  readonly scale?: number
  readonly offset?: number
  readonly unit?: string
  readonly description?: string
  /** Items of the file's default metadata domain. */
  readonly metadata?: Readonly<Record<string, string>>
  /** Waits until the bytes are on the disk. Default true. */
  readonly fsync?: boolean
}

/** Place of one encoded tile in the bytes given to `append`, without its leader and trailer. */
export interface EncodedTile {
  readonly level: number
  /** Row-major number of the tile in its level. */
  readonly index: number
  readonly start: number
  readonly size: number
}

/**
 * Writes a Cloud-Optimized GeoTIFF from encoded tiles that may come in any order: they go to a scratch file beside the target
 * and, at the end, row by row into place (overviews first, smallest first), so that the bytes do not depend on the order.
 * Classic TIFF, BigTIFF only where 4 GiB would be passed. A full disk is DISK_FULL; whatever fails, no file is left behind.
 */
export interface CogWriter {
  readonly levels: readonly CogLevel[]
  /** Takes tiles laid out one after another in `bytes`. Calls may overlap. */
  append(tiles: readonly EncodedTile[], bytes: Uint8Array): Promise<void>
  /** Builds the file and gives it its name. INTERNAL if a tile is missing. */
  finish(): Promise<{ readonly path: string; readonly bytes: number }>
  /** Removes all traces; also after a failed `finish`, and harmless after a good one. */
  abort(): Promise<void>
}

const BITS: Readonly<Record<CogDtype, number>> = { int16: 16, uint16: 16, uint8: 8 }
/** TIFF's number of each codec: Adobe's Deflate, and those that libtiff and Esri registered. */
const COMPRESSION: Readonly<Record<Codec, number>> = { deflate: 8, zstd: 50000, lerc: 34887 }
const LERC_PARAMETERS = 50674
const GDAL_METADATA = 42112
const GDAL_NODATA = 42113
/** CRS and geotransform, GDAL's metadata, no-data: tags that GDAL itself writes for us. */
const GEO_TAGS = new Set([33550, 33922, 34264, 34735, 34736, 34737, GDAL_METADATA, GDAL_NODATA])
const COPY_BYTES = 8 << 20
let serial = 0

/** Lets GDAL write a one-pixel GeoTIFF with the same georeference and metadata, and takes its tags. Main thread only. */
function geoTags(spec: CogSpec): TiffTag[] {
  const name = `/vsimem/tilth-tags-${process.pid}-${serial++}.tif`
  const type = { int16: gdal.GDT_Int16, uint16: gdal.GDT_UInt16, uint8: gdal.GDT_Byte }[spec.dtype]
  const dataset = gdal.open(name, 'w', 'GTiff', 1, 1, 1, type)
  dataset.srs = gdal.SpatialReference.fromEPSG(spec.grid.epsg)
  const { ulx, uly, pixelWidthM, pixelHeightM } = spec.grid
  dataset.geoTransform = [ulx, pixelWidthM, 0, uly, 0, -pixelHeightM]
  const band = dataset.bands.get(1)
  if (spec.noData !== null) band.noDataValue = spec.noData
  if (spec.scale !== undefined) band.scale = spec.scale
  if (spec.offset !== undefined) band.offset = spec.offset
  if (spec.unit !== undefined) band.unitType = spec.unit
  if (spec.metadata) dataset.setMetadata({ AREA_OR_POINT: 'Area', ...spec.metadata })
  dataset.flush()
  dataset.close()
  const tags = readTiffTags(gdal.vsimem.release(name)).filter(({ tag }) => GEO_TAGS.has(tag))
  return spec.description === undefined ? tags : withDescription(tags, spec.description)
}

/** gdal-async cannot set a band's description: it goes into GDAL's metadata tag the way GDAL itself writes it there. */
function withDescription(tags: readonly TiffTag[], description: string): TiffTag[] {
  const found = tags.find(({ tag }) => tag === GDAL_METADATA)
  const text = found ? found.data.toString('utf8').replace(/\0+$/, '') : '<GDALMetadata>\n</GDALMetadata>\n'
  const escape = (plain: string) =>
    plain.replace(/[&<>]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c] ?? c)
  // Twice, as GDAL does: it escapes the value and then writes it as XML.
  const escaped = escape(escape(description))
  const item = `  <Item name="DESCRIPTION" sample="0" role="description">${escaped}</Item>\n`
  const data = Buffer.from(`${text.replace('</GDALMetadata>', `${item}</GDALMetadata>`)}\0`, 'utf8')
  return [
    ...tags.filter(({ tag }) => tag !== GDAL_METADATA),
    { tag: GDAL_METADATA, type: 2, count: data.length, data },
  ]
}

/** Starts a COG. Throws DISK_FULL or WRITE_FAILED. */
export async function createCogWriter(spec: CogSpec): Promise<CogWriter> {
  const levels = cogLevels(spec.grid.width, spec.grid.height)
  const tags = geoTags(spec)
  const partPath = `${spec.path}.part`
  const scratchPath = `${spec.path}.tiles`
  // Place of each tile in the scratch file; -1 until it came.
  const starts = levels.map((l) => new Float64Array(l.tilesX * l.tilesY).fill(-1))
  const sizes = levels.map((l) => new Uint32Array(l.tilesX * l.tilesY))
  const scratch = await guarded(spec.path, () => open(scratchPath, 'w+'))
  let end = 0

  const directory = (level: number, offsets: readonly number[], big: boolean): TiffTag[] => {
    const { width, height } = levels[level]!
    return [
      ...(level > 0 ? [longs(254, [1])] : []),
      longs(256, [width]),
      longs(257, [height]),
      shorts(258, BITS[spec.dtype]),
      shorts(259, COMPRESSION[spec.codec]),
      shorts(262, 1),
      shorts(277, 1),
      shorts(284, 1),
      ...(spec.predictor === 2 ? [shorts(317, 2)] : []),
      shorts(322, COG_TILE),
      shorts(323, COG_TILE),
      longs(324, offsets, big),
      longs(325, Array.from(sizes[level]!)),
      // Version 2.4 of its format, nothing on top of it.
      ...(spec.codec === 'lerc' ? [longs(LERC_PARAMETERS, [4, 0])] : []),
      shorts(339, spec.dtype === 'int16' ? 2 : 1),
      ...tags.filter(({ tag }) => level === 0 || tag === GDAL_NODATA),
    ]
  }

  const build = async (file: FileHandle): Promise<number> => {
    const order = levels.map((_, i) => levels.length - 1 - i)
    const dataBytes = sizes.flatMap((s) => Array.from(s)).reduce((sum, size) => sum + size + 8, 0)
    const empty = levels.map((_, i) => new Array<number>(sizes[i]!.length).fill(0))
    const headerOf = (offsets: readonly (readonly number[])[], big: boolean) =>
      tiffHeader(levels.map((_, i) => directory(i, offsets[i]!, big)), big) // prettier-ignore
    const classic = headerOf(empty, false).length
    const big = classic + dataBytes > 0xffff_0000
    let at = big ? headerOf(empty, true).length : classic
    const offsets = empty
    for (const level of order)
      for (let i = 0; i < sizes[level]!.length; i++) {
        offsets[level]![i] = at + 4
        at += sizes[level]![i]! + 8
      }
    const header = headerOf(offsets, big)
    await writeAll(file, header, 0)
    let written = header.length
    for (const level of order) written = await copyLevel(file, level, written)
    return written
  }

  /** Copies the tiles of a level in row-major order, each with its size before and its last four bytes repeated behind. */
  const copyLevel = async (file: FileHandle, level: number, from: number): Promise<number> => {
    const [start, size] = [starts[level]!, sizes[level]!]
    let written = from
    let buffer = Buffer.allocUnsafe(COPY_BYTES)
    let filled = 0
    const flush = async () => {
      await writeAll(file, buffer.subarray(0, filled), written)
      written += filled
      filled = 0
    }
    for (let i = 0; i < size.length; i++) {
      const bytes = size[i]!
      if (filled + bytes + 8 > buffer.length) await flush()
      if (bytes + 8 > buffer.length) buffer = Buffer.allocUnsafe(bytes + 8)
      buffer.writeUInt32LE(bytes, filled)
      await readAll(scratch, buffer, filled + 4, bytes, start[i]!)
      buffer.copy(buffer, filled + 4 + bytes, filled + bytes, filled + 4 + bytes)
      filled += bytes + 8
    }
    await flush()
    return written
  }

  const abort = async () => {
    await scratch.close().catch(() => undefined)
    await rm(scratchPath, { force: true })
    await rm(partPath, { force: true })
  }

  return {
    levels,
    append: (tiles, bytes) => {
      const at = end
      end += bytes.length
      for (const { level, index, start, size } of tiles) {
        starts[level]![index] = at + start
        sizes[level]![index] = size
      }
      return guarded(spec.path, () => writeAll(scratch, bytes, at))
    },
    finish: () =>
      guarded(spec.path, async () => {
        starts.forEach((s, level) => {
          const missing = s.indexOf(-1)
          if (missing >= 0)
            throw new ProcessingError(
              'INTERNAL',
              `'${spec.path}': tile ${missing} of level ${level} was never written.`,
            )
        })
        try {
          const file = await open(partPath, 'w')
          let bytes: number
          try {
            bytes = await build(file)
            if (spec.fsync ?? true) await file.sync()
          } finally {
            await file.close()
          }
          await rename(partPath, spec.path)
          return { path: spec.path, bytes }
        } finally {
          await abort()
        }
      }),
    abort,
  }
}

/** fs write may be short, above all on a disk that is about to be full. */
async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done)
    done += bytesWritten
  }
}

async function readAll(
  file: FileHandle,
  into: Buffer,
  at: number,
  size: number,
  position: number,
): Promise<void> {
  for (let done = 0; done < size;) {
    const { bytesRead } = await file.read(into, at + done, size - done, position + done)
    if (bytesRead === 0)
      throw new ProcessingError('WRITE_FAILED', 'A scratch file of tiles became shorter while it was in use.')
    done += bytesRead
  }
}

/** Names the file in errors of the system; unforeseen ones of the file system are WRITE_FAILED. */
async function guarded<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    const error = asProcessingError(cause)
    const code =
      error.code === 'INTERNAL' && error !== cause && cause instanceof Error && 'syscall' in cause
        ? 'WRITE_FAILED'
        : error.code
    throw new ProcessingError(
      code,
      error.message.includes(path) ? error.message : `'${path}' cannot be written: ${error.message}`,
      { cause },
    )
  }
}
