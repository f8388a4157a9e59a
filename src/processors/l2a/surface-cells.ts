import type { Grid } from '../../domain/grid.js'
import { NO_SLOT, surfaceOf, TERMS, type BandTable } from './band-table.js'
import { CELL_NO_DATA } from './cells.js'
import { lagrangeOf, newLagrange } from './interpolate.js'
import { CELLS_PER_NODE, nodeGrid } from './nodes.js'
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

/** What is asked of the table at a node: from a column of `BandTable.column` at a pressure, hPa, into `out`. */
type Evaluate = (column: Float64Array, hpa: number, out: Float64Array) => void

/**
 * Visits each cell of a band with a value: its index, the reflectance at the sensor, and `size` numbers that `evaluate` makes of the table there. The table is asked
 * once for the cells of a node that one detector saw, above the lowest and the highest of them, and taken as a line between: the air changes over tens of kilometres.
 */
export function forEachCell(
  band: ToaBand,
  table: BandTable,
  { grid, pressureHpa, wv }: Pick<CellAir, 'grid' | 'pressureHpa' | 'wv'>,
  { size, evaluate }: { readonly size: number; readonly evaluate: Evaluate },
  visit: (cell: number, rhoToa: number, values: Float64Array) => void,
): void {
  const column = new Float64Array(table.columnSize)
  const [low, high, between] = [new Float64Array(size), new Float64Array(size), new Float64Array(size)]
  const nodes = nodeGrid(grid)
  const cells: number[] = []
  const slots: number[] = []
  for (let node = 0; node < nodes.width * nodes.height; node++) {
    const left = (node % nodes.width) * CELLS_PER_NODE
    const top = Math.floor(node / nodes.width) * CELLS_PER_NODE
    cells.length = 0
    slots.length = 0
    for (let r = top; r < Math.min(top + CELLS_PER_NODE, grid.height); r++)
      for (
        let i = r * grid.width + left;
        i < r * grid.width + Math.min(left + CELLS_PER_NODE, grid.width);
        i++
      ) {
        const slot = Number.isNaN(band.rho[i]!) ? NO_SLOT : slotOfCell(table, band.detectors[i]!)
        if (slot === NO_SLOT) continue
        cells.push(i)
        slots.push(slot)
      }
    const x = nodes.ulx + ((node % nodes.width) + 0.5) * nodes.pixelWidthM
    const y = nodes.uly - (Math.floor(node / nodes.width) + 0.5) * nodes.pixelHeightM
    for (let first = 0; first < cells.length; first++) {
      const slot = slots[first]!
      if (slots.indexOf(slot) < first) continue
      let least = Infinity
      let most = -Infinity
      let vapour = 0
      let count = 0
      for (let k = first; k < cells.length; k++) {
        if (slots[k] !== slot) continue
        const hpa = pressureHpa[cells[k]!]!
        least = Math.min(least, hpa)
        most = Math.max(most, hpa)
        vapour += wv[cells[k]!]!
        count++
      }
      table.column(slot, x, y, least, vapour / count, column)
      evaluate(column, least, low)
      if (most > least) {
        table.column(slot, x, y, most, vapour / count, column)
        evaluate(column, most, high)
      }
      for (let k = first; k < cells.length; k++) {
        if (slots[k] !== slot) continue
        const i = cells[k]!
        const share = most > least ? (pressureHpa[i]! - least) / (most - least) : 0
        if (share > 0)
          for (let at = 0; at < size; at++) between[at] = low[at]! + share * (high[at]! - low[at]!)
        visit(i, band.rho[i]!, share > 0 ? between : low)
      }
    }
  }
}

/** Path, logarithm of the transmittance, spherical albedo, and total over direct transmittance where `to` has room for it, of a column at an AOT of its axis. */
function termsAt({ axes, terms }: BandTable, column: Float64Array, aot: number, to: Float64Array): void {
  lagrangeOf(axes.aot, aot, WEIGHTS)
  to.fill(0)
  for (let k = 0; k < WEIGHTS.count; k++) {
    const at = (WEIGHTS.first + k) * terms
    for (let term = 0; term < to.length; term++) to[term]! += WEIGHTS.weights[k]! * column[at + term]!
  }
}
const WEIGHTS = newLagrange()

const wholeColumn = ({ columnSize }: BandTable) => ({
  size: columnSize,
  evaluate: (column: Float64Array, _: number, to: Float64Array) => {
    to.set(column)
  },
})

/**
 * Surface reflectance of cells, unit 1, from their means at the sensor; NaN where nothing was measured. Means are corrected, not pixels: the two differ by less than 1e-4.
 * @param around reflectance around each cell, whose light is taken off as from the pixels (native/kernels/correct.hpp); the table then has legs. Null: as the cell itself.
 */
export function surfaceCells(
  band: ToaBand,
  table: BandTable,
  air: CellAir,
  around: Float32Array | null = null,
): Float32Array {
  const out = new Float32Array(band.rho.length).fill(NaN)
  const terms = new Float64Array(around === null ? TERMS : TERMS + 1)
  forEachCell(band, table, air, wholeColumn(table), (i, rho, column) => {
    termsAt(table, column, air.aot[i]!, terms)
    const [p, l, s] = [terms[0]!, terms[1]!, terms[2]!]
    if (around === null) {
      out[i] = surfaceOf(rho, p, l, s)
      return
    }
    const [e, u] = [around[i]!, terms[TERMS]!]
    out[i] = (rho - p) * Math.exp(-l) * u * (1 - e * s) - e * (u - 1)
  })
  return out
}

/** The way back: reflectance at the sensor, unit 1, of cells whose ground had the reflectance `surface`; NaN where nothing was measured. */
export function toaOfSurface(
  surface: Float32Array,
  band: ToaBand,
  table: BandTable,
  air: CellAir,
): Float32Array {
  const out = new Float32Array(surface.length).fill(NaN)
  const terms = new Float64Array(TERMS)
  forEachCell(band, table, air, wholeColumn(table), (i, _, column) => {
    termsAt(table, column, air.aot[i]!, terms)
    const rho = surface[i]!
    out[i] = terms[0]! + (Math.exp(terms[1]!) * rho) / (1 - terms[2]! * rho)
  })
  return out
}

/** As pixels are stored: x 10000, halves away from zero, CELL_NO_DATA for NaN. */
export function storedCells(rho: Float32Array): Int16Array {
  const out = new Int16Array(rho.length).fill(CELL_NO_DATA)
  for (let i = 0; i < rho.length; i++) {
    if (Number.isNaN(rho[i]!)) continue
    const cut = Math.min(Math.max(rho[i]! * 10_000, -32767), 32767)
    out[i] = Math.trunc(cut + (cut < 0 ? -0.5 : 0.5))
  }
  return out
}
