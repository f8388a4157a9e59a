import { CODECS, type Codec } from '../domain/codec.js'
import { addon, type Plane } from './addon.js'
import { asUint16, type ProductPixels } from './halve.js'

/** Tile side of all our GeoTIFFs, pixels. */
export const TILE = 512

/** Bytes that hold any encoded tile. */
export const encodeBound = (): number => addon().encodeBound()

/**
 * Compresses one tile (at most 512 x 512 pixels; what the image lacks repeats the last column and row) at level 1 into `out`
 * from `outStart` on. `predictor` 2: horizontal differences, which LERC has none of. Returns the bytes written. Throws RangeError if `out` is too small.
 */
export function encodeTile(
  input: Plane<ProductPixels>,
  predictor: 1 | 2,
  codec: Codec,
  out: Uint8Array,
  outStart: number,
): number {
  const wide = input.pixels.BYTES_PER_ELEMENT === 2
  return addon().encodeTile({
    in: wide ? asUint16(input) : input,
    bytesPerPixel: wide ? 2 : 1,
    isSigned: input.pixels instanceof Int16Array ? 1 : 0,
    predictor,
    codec: CODECS.indexOf(codec),
    out,
    outStart,
  })
}
