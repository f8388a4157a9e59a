import { addon } from './addon.js'

/** Stored slope = slope x SLOPE_SCALE. */
export const SLOPE_SCALE = 4096

/** Heights in m on square pixels of `pixelM` metres, north up, [rows][columns], each at least 3; no NaN. */
export interface HeightGrid {
  readonly heights: Float32Array
  readonly rows: number
  readonly columns: number
  readonly pixelM: number
}

/** Which rows of a grid a call works on: threads share a grid by rows. */
export interface RowRange {
  readonly firstRow: number
  readonly lastRow: number
}

/**
 * Slopes of the inner pixels, [rows - 2 reach][columns - 2 reach] x SLOPE_SCALE, `east` dz/dx and `north` dz/dy, between those of a plane
 * through what lies around and of the four neighbours (native/kernels/terrain.hpp). Rows are those of the inner pixels.
 */
export function slopes(
  args: HeightGrid &
    RowRange & {
      /** Pixels around one that a plane is laid through, 1 to 32. */
      readonly reach: number
      /** Standard deviation of the heights, m; 0: the four neighbours alone. */
      readonly errorM: number
      readonly east: Int16Array
      readonly north: Int16Array
      /** 255 / (1 + d), d the variance of what departs from the plane over errorM^2; 0 where heights are exact; absent: not wanted. */
      readonly smoothness?: Uint8Array
    },
): void {
  addon().slopes(args)
}

/** `hidden` gets 1 where other ground stands before the sun; `sunEast`, `sunNorth`: tangent of the zenith angle times sine and cosine of the azimuth at the corners upper left, upper right, lower left, lower right (native/kernels/terrain.hpp). */
export function castShadows(
  args: HeightGrid &
    RowRange & {
      readonly sunEast: Float32Array
      readonly sunNorth: Float32Array
      /** Ground higher than the ray by no more than this hides nothing, m: the error of heights. */
      readonly toleranceM: number
      readonly hidden: Uint8Array
    },
): void {
  addon().castShadows(args)
}

/** Weighted means of the values around each cell, NaN left out (native/kernels/surroundings.hpp). */
export function meansAround(
  args: RowRange & {
    /** [rows][columns]; NaN: no value. */
    readonly values: Float32Array
    readonly rows: number
    readonly columns: number
    /** [2 radius + 1][2 radius + 1]. */
    readonly weights: Float32Array
    readonly radius: number
    readonly out: Float32Array
  },
): void {
  addon().meansAround(args)
}
