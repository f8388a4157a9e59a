import type { Grid } from '../../domain/grid.js'
import { NO_SLOT, surfaceOf, TERMS, type BandTable } from './band-table.js'
import { CELL_NO_DATA } from './cells.js'
import { lagrangeOf, newLagrange } from './interpolate.js'
import type { ToaBand } from './toa-cells.js'

/** The air above each cell of a grid, row-major. */
export interface CellAir {
  readonly grid: Grid
  readonly pressureHpa: Float32Array
  /** At 550 nm, above the ground of the cell. */
  readonly aot: Float32Array
  /** g/cm2 of a column at sea level. */
  readonly wv: Float32Array
}

/** The slot of the detector that measured in a cell, the first where there are several; NO_SLOT where there is none that the table knows. */
export function slotOfCell(table: BandTable, seen: number): number {
  return seen === 0 ? NO_SLOT : table.slotOf[31 - Math.clz32(seen & -seen)]!
}

/** Visits each cell of a band with a value: its index, the reflectance at the sensor, and p, l, S of the table for each of its AOTs. */
export function forEachCell(
  band: ToaBand,
  table: BandTable,
  { grid, pressureHpa, wv }: Pick<CellAir, 'grid' | 'pressureHpa' | 'wv'>,
  visit: (cell: number, rhoToa: number, column: Float64Array) => void,
): void {
  const column = new Float64Array(table.columnSize)
  for (let i = 0; i < band.rho.length; i++) {
    const rho = band.rho[i]!
    const slot = Number.isNaN(rho) ? NO_SLOT : slotOfCell(table, band.detectors[i]!)
    if (slot === NO_SLOT) continue
    const x = grid.ulx + ((i % grid.width) + 0.5) * grid.pixelWidthM
    const y = grid.uly - (Math.floor(i / grid.width) + 0.5) * grid.pixelHeightM
    table.column(slot, x, y, pressureHpa[i]!, wv[i]!, column)
    visit(i, rho, column)
  }
}

/** Surface reflectance of cells, unit 1, from their means at the sensor; NaN where nothing was measured. Means are corrected, not pixels: the two differ by less than 1e-4. */
export function surfaceCells(band: ToaBand, table: BandTable, air: CellAir): Float32Array {
  const out = new Float32Array(band.rho.length).fill(NaN)
  const weights = newLagrange()
  forEachCell(band, table, air, (i, rho, column) => {
    lagrangeOf(table.axes.aot, air.aot[i]!, weights)
    let [p, l, s] = [0, 0, 0]
    for (let k = 0; k < weights.count; k++) {
      const [w, at] = [weights.weights[k]!, (weights.first + k) * TERMS]
      p += w * column[at]!
      l += w * column[at + 1]!
      s += w * column[at + 2]!
    }
    out[i] = surfaceOf(rho, p, l, s)
  })
  return out
}

/** As pixels are stored: x 10000, halves away from zero, CELL_NO_DATA for NaN. */
export function storedCells(rho: Float32Array): Int16Array {
  return Int16Array.from(rho, (value) => {
    if (Number.isNaN(value)) return CELL_NO_DATA
    const cut = Math.min(Math.max(value * 10_000, -32767), 32767)
    return Math.trunc(cut + (cut < 0 ? -0.5 : 0.5))
  })
}
