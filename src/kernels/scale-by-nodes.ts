import type { Window } from '../domain/grid.js'
import type { Axes } from './addon.js'

/** Factors on the nodes of a grid, for each slot its own, and a line after them. */
export interface NodeFactors {
  /** [256]: slot of each detector number, 255 where it has none. */
  readonly slots: Uint8Array
  /** Each at least 2. */
  readonly rows: number
  readonly columns: number
  /** Node coordinate of a pixel's centre: x0 + dx * column, y0 + dy * row, counted from the image's corner. */
  readonly axes: Axes
  /** [slot][rows][columns]. */
  readonly factors: Float64Array
  readonly slope: number
  /** In the unit of the pixels. */
  readonly offset: number
}

export interface ScaleByNodesArgs {
  /** Row-major, window.width x window.height, as `detector` and `out`. */
  readonly pixels: Int16Array
  readonly detector: Uint8Array
  /** Where the block lies in its image. */
  readonly window: Window
  readonly noData: number
  readonly scale: NodeFactors
  /** slope * factor * pixel + offset, halves away from zero, within [-32767, 32767]; no-data where the pixel is, or its detector has no slot. */
  readonly out: Int16Array
}

/** Where pixels lie between nodes: the node before each, and the share of the next; beyond the outermost nodes these hold. */
export function placesOf(first: number, count: number, zero: number, step: number, nodes: number) {
  const index = new Int32Array(count)
  const share = new Float64Array(count)
  for (let i = 0; i < count; i++) {
    const at = Math.min(Math.max(zero + step * (first + i), 0), nodes - 1)
    index[i] = Math.min(Math.floor(at), nodes - 2)
    share[i] = at - index[i]!
  }
  return { index, share }
}

/**
 * Multiplies pixels by the factor of their own detector, bilinear between nodes, never between detectors; then takes a line of it. A pixel's result does not depend on the block that
 * it is part of. In TypeScript, at about 6 ns a pixel: half of what encoding the result takes (docs/decisions/0024-nbar.md).
 */
export function scaleByNodes({ pixels, detector, window, noData, scale, out }: ScaleByNodesArgs): void {
  const { slots, rows, columns, axes, factors, slope, offset } = scale
  const across = placesOf(window.x, window.width, axes.x0, axes.dx, columns)
  const down = placesOf(window.y, window.height, axes.y0, axes.dy, rows)
  const planes = factors.length / (rows * columns)
  // Factors of this row at the nodes' columns, [slot][columns].
  const edges = new Float64Array(planes * columns)
  for (let y = 0, i = 0; y < window.height; y++) {
    const [row, below] = [down.index[y]!, down.share[y]!]
    for (let plane = 0; plane < planes; plane++)
      for (let c = 0; c < columns; c++) {
        const upper = factors[(plane * rows + row) * columns + c]!
        edges[plane * columns + c] =
          upper + below * (factors[(plane * rows + row + 1) * columns + c]! - upper)
      }
    for (let x = 0; x < window.width; x++, i++) {
      const pixel = pixels[i]!
      const slot = slots[detector[i]!]!
      if (pixel === noData || slot >= planes) {
        out[i] = noData
        continue
      }
      const left = slot * columns + across.index[x]!
      const factor = edges[left]! + across.share[x]! * (edges[left + 1]! - edges[left]!)
      const value = Math.min(32767, Math.max(-32767, slope * (factor * pixel) + offset))
      out[i] = Math.trunc(value < 0 ? value - 0.5 : value + 0.5)
    }
  }
}
