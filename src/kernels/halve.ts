import { addon, type Plane } from './addon.js'

/** Pixel types of our products. */
export type ProductPixels = Int16Array | Uint16Array | Uint8Array
/** How overviews are made: mean of valid pixels (int16 only), or the upper left pixel of 2 x 2, for classes and bits. */
export type Resampling = 'average' | 'nearest'

/**
 * Halves a plane into `out`, ceil(width / 2) x ceil(height / 2). `average` leaves no-data out and rounds halves away from zero;
 * an odd last column or row takes the pixels that exist. Throws TypeError or RangeError on malformed arguments.
 */
export function halve(
  input: Plane<ProductPixels>,
  out: Plane<ProductPixels>,
  resampling: Resampling,
  noData: number,
): void {
  if (resampling === 'average') {
    addon().halveMean({ in: input as Plane<Int16Array>, out: out as Plane<Int16Array>, noData })
  } else if (input.pixels instanceof Uint8Array) {
    addon().halveNearest8({ in: input as Plane<Uint8Array>, out: out as Plane<Uint8Array> })
  } else {
    addon().halveNearest16({ in: asUint16(input), out: asUint16(out) })
  }
}

/** The same memory seen as uint16: picking and differences move bits, they do not look at signs. */
export function asUint16(plane: Plane<ProductPixels>): Plane<Uint16Array> {
  const { pixels } = plane
  return {
    ...plane,
    pixels: new Uint16Array(pixels.buffer, pixels.byteOffset, pixels.byteLength >> 1),
  }
}
