import type { Window } from '../domain/grid.js'
import type { Axes } from './addon.js'
import { placesOf } from './scale-by-nodes.js'

/** Powers of the reflectance in a variance: 0 to 4. */
const TERMS = 5

/** Variance of a band's reflectance on the nodes of a grid, for each slot its own; the arrays should lie on shared memory. */
export interface VarianceNodes {
  /** [256]: slot of each detector number, 255 where it has none. */
  readonly slots: Uint8Array
  readonly slotCount: number
  /** Each at least 2. */
  readonly rows: number
  readonly columns: number
  /** Node coordinate of a pixel's centre: x0 + dx * column, y0 + dy * row, counted from the image's corner. */
  readonly axes: Axes
  /** [slot][rows][columns][5]: variance = sum of [k] x reflectance^k, unit 1. */
  readonly coefficients: Float32Array
}

export interface SigmaByNodesArgs {
  /** Reflectance / `unit`, row-major, window.width x window.height, as `detector` and `out`. */
  readonly pixels: Int16Array
  readonly detector: Uint8Array
  /** Where the block lies in its image. */
  readonly window: Window
  readonly noData: number
  readonly variance: VarianceNodes
  /** Standard deviation / `unit`, halves away from zero, in [1, 32767]; no-data where the pixel is, or its detector has no slot. */
  readonly out: Int16Array
}

/** What 1 is of the stored numbers. */
const UNIT = 1e-4
/** Variance of a stored number about the value that was rounded to it. */
const ROUNDING = UNIT ** 2 / 12

/**
 * Standard deviation of pixels from the polynomial of their own detector at their reflectance, bilinear between nodes, never between detectors; rounding is added. A pixel's result does not depend on the
 * block that it is part of. In TypeScript, as `scaleByNodes`, and about as fast.
 */
export function sigmaByNodes({ pixels, detector, window, noData, variance, out }: SigmaByNodesArgs): void {
  const { slots, slotCount, rows, columns, axes, coefficients } = variance
  const across = placesOf(window.x, window.width, axes.x0, axes.dx, columns)
  const down = placesOf(window.y, window.height, axes.y0, axes.dy, rows)
  // Coefficients of this row at the nodes' columns, [slot][columns][TERMS]; made of the slots that the row has.
  const perRow = columns * TERMS
  const edges = new Float64Array(slotCount * perRow)
  const madeFor = new Int32Array(slotCount).fill(-1)
  for (let y = 0, i = 0; y < window.height; y++) {
    const [row, below] = [down.index[y]!, down.share[y]!]
    for (let x = 0; x < window.width; x++, i++) {
      const slot = slots[detector[i]!]!
      if (pixels[i] === noData || slot >= slotCount) {
        out[i] = noData
        continue
      }
      if (madeFor[slot] !== y) {
        madeFor[slot] = y
        const upper = (slot * rows + row) * perRow
        for (let k = 0; k < perRow; k++) {
          const above = coefficients[upper + k]!
          edges[slot * perRow + k] = above + below * (coefficients[upper + perRow + k]! - above)
        }
      }
      const left = slot * perRow + across.index[x]! * TERMS
      const share = across.share[x]!
      const rho = pixels[i]! * UNIT
      let sum = 0
      for (let k = TERMS - 1; k >= 0; k--) {
        const at = edges[left + k]!
        sum = sum * rho + at + share * (edges[left + TERMS + k]! - at)
      }
      const sigma = Math.sqrt(Math.max(0, sum) + ROUNDING) / UNIT
      out[i] = Math.min(32767, Math.max(1, Math.floor(sigma + 0.5)))
    }
  }
}
