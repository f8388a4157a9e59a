import { addon } from './addon.js'

/** A weight of 1 as a whole number: weights are given in these units, so that sums are exact. */
export const WEIGHT_ONE = 1 << 20
/** Most dates that a composite takes: sums stay below 2^53. */
export const MAX_DATES = 4096

/** What a composite of n pixels holds between two dates (native/kernels/composite.hpp). */
export interface CompositeState {
  readonly n: number
  readonly bands: number
  /** [n] best class so far; 0 none, higher is better. */
  readonly rank: Uint8Array
  /** [n] dates of that class. */
  readonly count: Uint16Array
  /** [n] sum of their weights, in units of 1 / WEIGHT_ONE. */
  readonly weight: Float64Array
  /** [n] sum of weight times day. */
  readonly day: Float64Array
  /** [bands][n] sums of weight times value. */
  readonly sums: Float64Array
}

/** An empty state on shared memory. */
export function newCompositeState(n: number, bands: number): CompositeState {
  const shared = (bytes: number) => new SharedArrayBuffer(bytes)
  return {
    ...{ n, bands },
    rank: new Uint8Array(shared(n)),
    count: new Uint16Array(shared(2 * n)),
    weight: new Float64Array(shared(8 * n)),
    day: new Float64Array(shared(8 * n)),
    sums: new Float64Array(shared(8 * n * bands)),
  }
}

/** out[p] = classOf[mask[p]]; `classOf` has 65536 entries. */
export function compositeClasses(mask: Uint16Array, classOf: Uint8Array, out: Uint8Array): void {
  addon().compositeClasses({ mask, classOf, out, n: out.length })
}

/** The least of 2 x 2 values of a plane of width x height, ceil(width / 2) x ceil(height / 2); odd last columns and rows take those that exist. */
export function leastOfFour(plane: Uint8Array, width: number, height: number, out: Uint8Array): void {
  addon().leastOfFour({ in: plane, width, height, out })
}

export interface CompositeDate {
  /** [bands][n] reflectance. */
  readonly pixels: Int16Array
  /** [n] classes; set to 0 where a band has no data. */
  readonly classes: Uint8Array
  readonly noData: number
  /** 1..WEIGHT_ONE, whole. */
  readonly weight: number
  /** Whole, within 2^18 of 0, in any unit. */
  readonly day: number
}

/**
 * Adds a date, pixel by pixel: a class better than all before starts anew with it, the same class adds, a worse one is left out. The order of dates
 * changes nothing. Throws TypeError or RangeError on malformed arguments.
 */
export function compositeAdd(date: CompositeDate, state: CompositeState): void {
  addon().compositeAdd({ ...date, state })
}

/** out[p] = round(sum / (weight x divisor)), halves away from zero; no-data where the weight is 0. */
export function compositeDivide(
  sum: Float64Array,
  weight: Float64Array,
  divisor: number,
  noData: number,
  out: Int16Array,
): void {
  addon().compositeDivide({ sum, weight, divisor, noData, out, n: out.length })
}
