import { open } from 'node:fs/promises'
import { ProcessingError } from '../domain/errors.js'

const STRIP_OFFSETS = 273
const STRIP_COUNTS = 279
const TILE_OFFSETS = 324
const TILE_COUNTS = 325
/** Bytes of a value by TIFF type: SHORT, LONG, LONG8; other types hold no offsets. */
const WIDTH: Readonly<Record<number, number>> = { 3: 2, 4: 4, 16: 8 }

/**
 * Checks that a TIFF file is whole, without decoding it: each block of its first image lies within the file, and none is absent. Why: a
 * block without place in the file reads as zeros, which is no-data; what is missing must be an error.
 * Throws RASTER_UNREADABLE naming the file and what is wrong. Source: TIFF 6.0, section 2; BigTIFF.
 */
export async function checkTiff(path: string): Promise<void> {
  const fail = (found: string, cause?: unknown): never => {
    throw new ProcessingError('RASTER_UNREADABLE', `'${path}': ${found}. Download the product again.`, {
      cause,
    })
  }
  const file = await open(path, 'r').catch((cause: unknown) => fail('it cannot be opened', cause))
  try {
    const info = await file.stat()
    if (!info.isFile()) fail('it is no file')
    const { size } = info
    const read = async (at: number, length: number): Promise<DataView> => {
      if (at + length > size) fail(`it is cut: ${size} bytes, ${at + length} or more were expected`)
      const bytes = new Uint8Array(length)
      await file.read(bytes, 0, length, at)
      return new DataView(bytes.buffer)
    }
    if (size < 8) fail(`it has ${size} bytes and is no TIFF`)
    const head = await read(0, Math.min(16, size))
    const order = head.getUint16(0)
    const little = order === 0x4949
    const version = head.getUint16(2, little)
    if ((!little && order !== 0x4d4d) || (version !== 42 && version !== 43)) fail('it is no TIFF')
    const big = version === 43
    if (big && size < 16) fail('it is cut')
    const start = big ? Number(head.getBigUint64(8, little)) : head.getUint32(4, little)
    const count = big
      ? Number((await read(start, 8)).getBigUint64(0, little))
      : (await read(start, 2)).getUint16(0, little)
    const entrySize = big ? 20 : 12
    const entries = await read(start + (big ? 8 : 2), count * entrySize)
    const valuesOf = async (entry: number): Promise<number[]> => {
      const type = entries.getUint16(entry + 2, little)
      const width = WIDTH[type] ?? fail(`block offsets have the TIFF type ${type}`)
      const length = big
        ? Number(entries.getBigUint64(entry + 4, little))
        : entries.getUint32(entry + 4, little)
      const inline = entry + (big ? 12 : 8)
      const fits = length * width <= (big ? 8 : 4)
      const view = fits
        ? new DataView(entries.buffer, inline)
        : await read(
            big ? Number(entries.getBigUint64(inline, little)) : entries.getUint32(inline, little),
            length * width,
          )
      return Array.from({ length }, (_, i) =>
        width === 2
          ? view.getUint16(i * 2, little)
          : width === 4
            ? view.getUint32(i * 4, little)
            : Number(view.getBigUint64(i * 8, little)),
      )
    }
    let offsets: number[] = []
    let counts: number[] = []
    for (let i = 0; i < count; i++) {
      const tag = entries.getUint16(i * entrySize, little)
      if (tag === STRIP_OFFSETS || tag === TILE_OFFSETS) offsets = await valuesOf(i * entrySize)
      if (tag === STRIP_COUNTS || tag === TILE_COUNTS) counts = await valuesOf(i * entrySize)
    }
    if (offsets.length === 0 || offsets.length !== counts.length)
      fail(`it has ${offsets.length} places and ${counts.length} sizes of blocks`)
    offsets.forEach((offset, i) => {
      const bytes = counts[i] ?? 0
      if (offset === 0 || bytes === 0) fail(`block ${i} of ${offsets.length} was never written`)
      if (offset + bytes > size)
        fail(`it is cut: block ${i} of ${offsets.length} ends at byte ${offset + bytes}, the file at ${size}`)
    })
  } finally {
    await file.close()
  }
}
