/** Of a block's pixels in the unit in which they are stored; `min` Infinity and `max` -Infinity where none is valid. Whole numbers: blocks add up in any order. */
export interface PixelSummary {
  readonly min: number
  readonly max: number
  readonly sum: number
  /** Pixels that are not no-data, and all. */
  readonly valid: number
  readonly total: number
}
