import { addon } from './addon.js'

export interface NormalizedDifferenceArgs {
  /** Near infrared for NDVI. Reflectance in one unit with `b`; below 0 counts as 0. */
  readonly a: Int16Array
  /** Red for NDVI. */
  readonly b: Int16Array
  /** Of both and of `out`, -32768..-10001. */
  readonly noData: number
  /** 1..65534, in the unit of `a` and `b`: where a + b is less, the index is no-data. */
  readonly minSum: number
  /** (a - b) / (a + b) x 10000, -10000..10000, halves away from zero; as long as `a` and `b`, or shorter. */
  readonly out: Int16Array
}

/** Normalised difference of two bands on the calling thread (native/kernels/normalized_difference.hpp). Throws TypeError or RangeError on malformed arguments. */
export function normalizedDifference(args: NormalizedDifferenceArgs): void {
  addon().normalizedDifference({ ...args, n: args.out.length })
}
