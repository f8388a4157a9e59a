import { ProcessingError } from '../domain/errors.js'
import type { Window } from '../domain/grid.js'
import { TILE } from '../kernels/encode-tile.js'
import type { ProductPixels, Resampling } from '../kernels/halve.js'
import { cogLevels } from '../raster/cog-layout.js'
import { createCogWriter, type CogSpec, type CogWriter } from '../raster/cog-writer.js'
import type { EncodedTiles, KernelPool } from './kernel-pool.js'
import type { HalfTile, Image, TileFormat } from './kernel-worker.js'

/** A COG to be written: what it says of itself (see `CogSpec`) and how its overviews are made. */
export interface BandWriterSpec extends Omit<CogSpec, 'predictor'> {
  /** `average` is for int16 only; no-data is left out of means. */
  readonly overview: Resampling
  /** Default: 2 for means, 1 for classes and bits, which have long runs. Without effect with LERC, which has none. */
  readonly predictor?: 1 | 2
}

/**
 * Writes one band block by block, with all overviews, in one pass. Blocks may come in any order and overlap in time; together they must
 * cover the image once. The file is the same byte by byte however the image is cut.
 */
export interface BandWriter {
  /**
   * `pixels`: row-major, window.width x window.height, of the file's dtype; copied unless on shared memory. The window starts on multiples
   * of 512 and its sides are multiples of 512 except at the right and lower edge. Resolves when the block is encoded and handed to the disk.
   */
  writeBlock(window: Window, pixels: ProductPixels): Promise<void>
  /** Makes the small overviews, lays out the file, renames it into place. INTERNAL if blocks are missing, DISK_FULL, WRITE_FAILED. */
  finish(): Promise<{ readonly path: string; readonly bytes: number }>
  /** Removes what was written; waits for blocks in flight. */
  abort(): Promise<void>
}

type PixelArrayType = new (buffer: SharedArrayBuffer, start: number, length: number) => ProductPixels
const PIXELS: Readonly<Record<CogSpec['dtype'], PixelArrayType & { readonly BYTES_PER_ELEMENT: number }>> = {
  int16: Int16Array,
  uint16: Uint16Array,
  uint8: Uint8Array,
}

/** Opens a band for writing. Errors of opening the file come from the first `writeBlock` or `finish`. */
export function openBandWriter(pool: KernelPool, spec: BandWriterSpec): BandWriter {
  const { grid } = spec
  if (spec.overview === 'average' && (spec.dtype !== 'int16' || spec.noData === null))
    throw new ProcessingError(
      'INTERNAL',
      `'${spec.path}': averaged overviews need int16 with a no-data value, found ${spec.dtype}.`,
    )
  const Pixels = PIXELS[spec.dtype]
  const predictor = spec.codec === 'lerc' ? 1 : (spec.predictor ?? (spec.overview === 'average' ? 2 : 1))
  const format: TileFormat = {
    codec: spec.codec,
    predictor,
    overview: spec.overview,
    noData: spec.noData ?? 0,
  }
  const levels = cogLevels(grid.width, grid.height)
  const half = levels[1]
  const small = levels[2]
  const share = (length: number): ProductPixels => pool.buffers.take(Pixels, length)
  // Level 2 is kept whole: 1/16 of the image. Level 1 is kept only where a tile waits for further blocks.
  let quarter: Image | null = null
  const partial = new Map<number, { pixels: ProductPixels; missing: number }>()
  let cog: Promise<CogWriter> | undefined
  const inFlight = new Set<Promise<void>>()
  const image = { width: grid.width, height: grid.height }

  const cogWriter = () => (cog ??= createCogWriter({ ...spec, predictor }))
  const store = async ({ tiles, bytes }: EncodedTiles) => {
    const last = tiles.at(-1)
    await (await cogWriter()).append(tiles, bytes.subarray(0, last && last.start + last.size))
    pool.buffers.give(bytes)
  }

  /** Pixels of level 0 under a tile of level 1. */
  const areaBelow = (tileX: number, tileY: number) =>
    Math.min(2 * TILE, grid.width - tileX * 2 * TILE) * Math.min(2 * TILE, grid.height - tileY * 2 * TILE)

  const halvesOf = (window: Window): { half: HalfTile; key: number; covered: number }[] => {
    if (half === undefined) return []
    const found: { half: HalfTile; key: number; covered: number }[] = []
    const [right, bottom] = [window.x + window.width, window.y + window.height]
    for (let tileY = Math.floor(window.y / (2 * TILE)); tileY * 2 * TILE < bottom; tileY++)
      for (let tileX = Math.floor(window.x / (2 * TILE)); tileX * 2 * TILE < right; tileX++) {
        const wide = Math.min(right, (tileX + 1) * 2 * TILE) - Math.max(window.x, tileX * 2 * TILE)
        const high = Math.min(bottom, (tileY + 1) * 2 * TILE) - Math.max(window.y, tileY * 2 * TILE)
        const key = tileY * half.tilesX + tileX
        const covered = wide * high
        const complete = covered === areaBelow(tileX, tileY)
        let waiting = partial.get(key)
        if (waiting === undefined && !complete) {
          waiting = { pixels: share(TILE * TILE), missing: areaBelow(tileX, tileY) }
          partial.set(key, waiting)
        }
        found.push({
          half: { tileX, tileY, pixels: waiting?.pixels ?? share(TILE * TILE), complete },
          key,
          covered,
        })
      }
    return found
  }

  const write = async (window: Window, pixels: ProductPixels): Promise<void> => {
    checkBlock(spec, window, pixels)
    await cogWriter()
    let source = pixels
    if (!(pixels.buffer instanceof SharedArrayBuffer)) {
      source = share(pixels.length)
      source.set(pixels)
    }
    if (small !== undefined && quarter === null)
      quarter = { pixels: share(small.width * small.height), width: small.width, height: small.height }
    const halves = halvesOf(window)
    await store(
      await pool.encodeBlock({
        pixels: source,
        window,
        format,
        image,
        halves: halves.map((h) => h.half),
        quarter,
      }),
    )
    if (source !== pixels) pool.buffers.give(source)
    pool.buffers.give(
      ...halves.filter(({ half: tile }) => tile.complete).map(({ half: tile }) => tile.pixels),
    )
    for (const { half: tile, key, covered } of halves) {
      const waiting = tile.complete ? undefined : partial.get(key)
      if (waiting === undefined || (waiting.missing -= covered) > 0) continue
      partial.delete(key)
      await store(
        await pool.encodeHalf({ format, image, halves: [], quarter, half: { ...tile, complete: true } }),
      )
      pool.buffers.give(tile.pixels)
    }
  }

  return {
    writeBlock: (window, pixels) => {
      const work = write(window, pixels)
      const settled = work.then(
        () => undefined,
        () => undefined,
      )
      inFlight.add(settled)
      void settled.then(() => inFlight.delete(settled))
      return work
    },
    finish: async () => {
      await Promise.all(inFlight)
      const writer = await cogWriter()
      if (quarter !== null) {
        await store(await pool.encodeRest({ quarter, format }))
        pool.buffers.give(quarter.pixels)
      }
      quarter = null
      return writer.finish()
    },
    abort: async () => {
      await Promise.all(inFlight)
      quarter = null
      partial.clear()
      await (await cog?.catch(() => undefined))?.abort()
    },
  }
}

function checkBlock({ path, grid, dtype }: BandWriterSpec, w: Window, pixels: ProductPixels): void {
  const fits = (from: number, size: number, whole: number) =>
    from % TILE === 0 && size > 0 && from + size <= whole && (size % TILE === 0 || from + size === whole)
  if (!fits(w.x, w.width, grid.width) || !fits(w.y, w.height, grid.height))
    throw new ProcessingError(
      'INTERNAL',
      `'${path}': block ${w.width} x ${w.height} at (${w.x}, ${w.y}) does not lie on 512 x 512 tiles of ${grid.width} x ${grid.height} pixels.`,
    )
  if (!(pixels instanceof PIXELS[dtype]) || pixels.length < w.width * w.height)
    throw new ProcessingError(
      'INTERNAL',
      `'${path}': expected ${w.width * w.height} pixels of ${dtype}, found ${pixels.length} in a ${pixels.constructor.name}.`,
    )
}
