import type { Window } from '../domain/grid.js'
import { addon } from './addon.js'

/** How an image lies in cells. */
export interface CellLayout {
  /** Pixels along a cell, 1..255. */
  readonly side: number
  /** Pixels by which the first cell reaches beyond the image's upper-left corner, 0..side - 1. */
  readonly left: number
  readonly above: number
}

export interface CellSumsArgs extends CellLayout {
  /** Row-major, window.width x window.height. */
  readonly pixels: Int16Array
  /** Where the block lies in its image. */
  readonly window: Window
  readonly noData: number
}

/** Sums over the cells that a block touches; parts of a cell from several blocks are added up. */
export interface BlockCells {
  /** First cell, then how many. */
  readonly x: number
  readonly y: number
  readonly columns: number
  readonly rows: number
  /** [rows][columns], in the unit of the pixels. */
  readonly sums: Int32Array
  /** Valid pixels of the block in each cell. */
  readonly counts: Int32Array
}

/** Sums and counts of a block's valid pixels by square cells, on the calling thread (native/kernels/cell_sums.hpp). Throws TypeError or RangeError on malformed arguments. */
export function cellSums({ pixels, window, noData, side, left, above }: CellSumsArgs): BlockCells {
  const [x, y] = [Math.floor((window.x + left) / side), Math.floor((window.y + above) / side)]
  const inFirst = { left: (window.x + left) % side, above: (window.y + above) % side }
  const columns = Math.ceil((inFirst.left + window.width) / side)
  const rows = Math.ceil((inFirst.above + window.height) / side)
  const [sums, counts] = [new Int32Array(columns * rows), new Int32Array(columns * rows)]
  const plane = { pixels, stride: window.width, width: window.width, height: window.height }
  addon().cellSums({ in: plane, noData, side, ...inFirst, sums, counts })
  return { x, y, columns, rows, sums, counts }
}
