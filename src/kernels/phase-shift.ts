import { addon } from './addon.js'

/** Pixels of an image that are given around each window (native/kernels/phase_shift.hpp). */
export const SHIFT_MARGIN = 12
/** Largest shift along either axis that is looked for, pixels. */
export const LARGEST_SHIFT = 8
/** Numbers that each window gets in `out`. */
export const SHIFT_NUMBERS = 4

export interface PhaseShiftsArgs {
  readonly windows: number
  /** Which of them this call works on. */
  readonly first: number
  readonly last: number
  /** A power of two, 32 to 512. */
  readonly side: number
  /** [windows][side + 2 SHIFT_MARGIN]^2 digital numbers, 0 no-data, 65535 saturated. */
  readonly images: Uint16Array
  /** [windows][side]^2, any scale and offset. */
  readonly references: Int16Array
  /** [windows][side]^2: not zero on clear land of which both have data. */
  readonly usable: Uint8Array
  /** The guess: how many pixels the image lies to the right of and below the reference, each LARGEST_SHIFT or less. */
  readonly columns: number
  readonly rows: number
  /** [windows][SHIFT_NUMBERS] gets columns, rows (NaN: not found), height of the peak (1: all of the pattern agrees), share of the pixels that were compared. */
  readonly out: Float64Array
}

/** Shifts between windows of two looks at the same ground, on the calling thread (native/kernels/phase_shift.hpp). Throws TypeError or RangeError on malformed arguments. */
export function phaseShifts(args: PhaseShiftsArgs): void {
  addon().phaseShifts(args)
}
