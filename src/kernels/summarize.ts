import type { PixelSummary } from '../domain/pixel-summary.js'
import { addon } from './addon.js'

/** Least, largest and sum of pixels, on the calling thread (native/kernels/summary.hpp). Throws TypeError or RangeError on malformed arguments. */
export function summarize(pixels: Int16Array, noData: number): PixelSummary {
  const [least, largest, sum, valid] = addon().summarize({ pixels, noData })
  return {
    min: valid === 0 ? Infinity : least,
    max: valid === 0 ? -Infinity : largest,
    ...{ sum, valid, total: pixels.length },
  }
}
