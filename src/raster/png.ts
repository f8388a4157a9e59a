import { deflateSync } from 'node:zlib'
import { ProcessingError } from '../domain/errors.js'

/** An 8-bit picture, row-major, 4 bytes a pixel: red, green, blue, alpha (0 transparent, 255 opaque). */
export interface RgbaImage {
  readonly width: number
  readonly height: number
  readonly data: Uint8Array
}

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1
  return c
})

/**
 * A PNG file (8-bit RGBA, not interlaced, no time stamp: same picture and same zlib, same bytes). Own encoder because a
 * PNG is three chunks around zlib, and GDAL's driver would leave an .aux.xml beside it. Each row takes the filter whose
 * residuals have the least sum, the heuristic of the PNG specification (W3C, second edition, section 12.8).
 * Throws INTERNAL where the data do not match the size.
 */
export function encodePng({ width, height, data }: RgbaImage): Uint8Array {
  if (width < 1 || height < 1 || data.length !== width * height * 4)
    throw new ProcessingError('INTERNAL', `A PNG of ${width} x ${height} cannot have ${data.length} bytes.`)
  const header = new Uint8Array(13)
  const view = new DataView(header.buffer)
  view.setUint32(0, width)
  view.setUint32(4, height)
  header.set([8, 6, 0, 0, 0], 8)
  const body = deflateSync(filterRows(width * 4, height, data))
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('IDAT', body),
    chunk('IEND', new Uint8Array(0)),
  ])
}

function filterRows(stride: number, height: number, data: Uint8Array): Uint8Array {
  const out = new Uint8Array((stride + 1) * height)
  const row = () => new Uint8Array(stride)
  const [none, sub, up, average, paethed] = [row(), row(), row(), row(), row()]
  const candidates = [none, sub, up, average, paethed]
  for (let y = 0; y < height; y++) {
    const start = y * stride
    for (let i = 0; i < stride; i++) {
      const x = data[start + i] ?? 0
      const a = i >= 4 ? (data[start + i - 4] ?? 0) : 0
      const b = y > 0 ? (data[start - stride + i] ?? 0) : 0
      const c = i >= 4 && y > 0 ? (data[start - stride + i - 4] ?? 0) : 0
      none[i] = x
      sub[i] = x - a
      up[i] = x - b
      average[i] = x - ((a + b) >> 1)
      paethed[i] = x - paeth(a, b, c)
    }
    const sums = candidates.map(sumOfResiduals)
    const best = sums.indexOf(Math.min(...sums))
    out[y * (stride + 1)] = best
    out.set(candidates[best] ?? data.subarray(start, start + stride), y * (stride + 1) + 1)
  }
  return out
}

/** Bytes as signed residuals, their magnitudes summed. */
function sumOfResiduals(residuals: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < residuals.length; i++) {
    const r = residuals[i] ?? 0
    sum += r < 128 ? r : 256 - r
  }
  return sum
}

function paeth(a: number, b: number, c: number): number {
  const p = a + b - c
  const pa = Math.abs(p - a)
  const pb = Math.abs(p - b)
  const pc = Math.abs(p - c)
  return pa <= pb && pa <= pc ? a : pb <= pc ? b : c
}

function chunk(type: string, body: Uint8Array): Uint8Array {
  const out = Buffer.alloc(12 + body.length)
  out.writeUInt32BE(body.length, 0)
  out.write(type, 4, 'latin1')
  out.set(body, 8)
  let crc = 0xffffffff
  for (let i = 4; i < 8 + body.length; i++) crc = (CRC_TABLE[(crc ^ (out[i] ?? 0)) & 0xff] ?? 0) ^ (crc >>> 8)
  out.writeUInt32BE((crc ^ 0xffffffff) >>> 0, 8 + body.length)
  return out
}
