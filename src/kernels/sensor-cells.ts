import type { Window } from '../domain/grid.js'
import { addon } from './addon.js'
import type { CellLayout } from './cell-sums.js'

export interface SensorCellsArgs extends CellLayout {
  /** Digital numbers, row-major, window.width x window.height: 0 no-data, 65535 saturated. */
  readonly dn: Uint16Array
  /** Detector of each pixel, 0 where none saw it: it then counts nowhere. */
  readonly detector: Uint8Array
  /** Where the block lies in its image. */
  readonly window: Window
}

/** What was measured in the cells that a block touches; parts of a cell from several blocks are added up. */
export interface SensorCells {
  /** First cell, then how many. */
  readonly x: number
  readonly y: number
  readonly columns: number
  readonly rows: number
  /** [rows][columns]: sums and numbers of the pixels that are neither no-data nor saturated. */
  readonly sums: Uint32Array
  readonly counts: Int32Array
  /** Pixels that are saturated. */
  readonly saturated: Int32Array
  /** Bit d: detector d (31: that or a higher one) measured here. */
  readonly detectors: Uint32Array
}

/** Sums of digital numbers by square cells, on the calling thread (native/kernels/cell_sums.hpp). Throws TypeError or RangeError on malformed arguments. */
export function sensorCells({ dn, detector, window, side, left, above }: SensorCellsArgs): SensorCells {
  const [x, y] = [Math.floor((window.x + left) / side), Math.floor((window.y + above) / side)]
  const inFirst = { left: (window.x + left) % side, above: (window.y + above) % side }
  const columns = Math.ceil((inFirst.left + window.width) / side)
  const rows = Math.ceil((inFirst.above + window.height) / side)
  const cells = columns * rows
  const out = {
    sums: new Uint32Array(cells),
    counts: new Int32Array(cells),
    saturated: new Int32Array(cells),
    detectors: new Uint32Array(cells),
  }
  const plane = { pixels: dn, stride: window.width, width: window.width, height: window.height }
  addon().sensorCells({ in: plane, detector, side, ...inFirst, ...out })
  return { x, y, columns, rows, ...out }
}
