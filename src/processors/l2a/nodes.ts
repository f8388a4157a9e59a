import type { Grid } from '../../domain/grid.js'

/** Height over which aerosol decreases by a factor of e, metres: that of 6S's and MAJA's profiles. */
export const SCALE_HEIGHT_M = 2000
/** Cells along a node: the atmosphere is found and applied every 720 m where cells have 240. */
export const CELLS_PER_NODE = 3

/** The grid whose pixels' centres are the nodes over these cells; its last row and column may reach beyond them. */
export function nodeGrid(cells: Grid): Grid {
  return {
    ...cells,
    pixelWidthM: cells.pixelWidthM * CELLS_PER_NODE,
    pixelHeightM: cells.pixelHeightM * CELLS_PER_NODE,
    width: Math.ceil(cells.width / CELLS_PER_NODE),
    height: Math.ceil(cells.height / CELLS_PER_NODE),
  }
}

/** Values of nodes at the centres of cells: bilinear, constant beyond the outermost nodes. Row-major, `values` over `nodeGrid(cells)`. */
export function bilinearOnCells(values: Float32Array, cells: Grid): Float32Array {
  const { width, height } = nodeGrid(cells)
  const place = (cell: number, count: number) => {
    const at = Math.min(Math.max((cell + 0.5) / CELLS_PER_NODE - 0.5, 0), count - 1)
    const low = Math.floor(at)
    return { low, next: Math.min(low + 1, count - 1), share: at - low }
  }
  const columns = Array.from({ length: cells.width }, (_, x) => place(x, width))
  const out = new Float32Array(cells.width * cells.height)
  for (let y = 0; y < cells.height; y++) {
    const { low: top, next: bottom, share: fy } = place(y, height)
    for (let x = 0; x < cells.width; x++) {
      const { low: left, next: right, share: fx } = columns[x]!
      const upper = (1 - fx) * values[top * width + left]! + fx * values[top * width + right]!
      const lower = (1 - fx) * values[bottom * width + left]! + fx * values[bottom * width + right]!
      out[y * cells.width + x] = (1 - fy) * upper + fy * lower
    }
  }
  return out
}

/** Values of the cells at the middle of each node; of the last one where a node reaches beyond. */
export function centresOfNodes(values: Float32Array, cells: Grid): Float32Array {
  const { width, height } = nodeGrid(cells)
  const middle = (node: number, most: number) => Math.min(node * CELLS_PER_NODE + 1, most - 1)
  return Float32Array.from(
    { length: width * height },
    (_, node) =>
      values[
        middle(Math.floor(node / width), cells.height) * cells.width + middle(node % width, cells.width)
      ]!,
  )
}

/** The middle of the known values of a node's cells; NaN where there is none. */
export function medianOfNode(values: Float32Array, cells: Grid, node: number): number {
  const { width } = nodeGrid(cells)
  const [x, y] = [(node % width) * CELLS_PER_NODE, Math.floor(node / width) * CELLS_PER_NODE]
  const own: number[] = []
  for (let r = y; r < Math.min(y + CELLS_PER_NODE, cells.height); r++)
    for (let c = x; c < Math.min(x + CELLS_PER_NODE, cells.width); c++) {
      const value = values[r * cells.width + c]!
      if (!Number.isNaN(value)) own.push(value)
    }
  own.sort((a, b) => a - b)
  return own.length === 0 ? NaN : own[(own.length - 1) >> 1]!
}

/** A plane of nodes at the cells around them, row-major. */
export function nearestOnCells(ofNodes: Uint8Array, cells: Grid): Uint8Array {
  const { width } = nodeGrid(cells)
  return Uint8Array.from({ length: cells.width * cells.height }, (_, i) => {
    const [x, y] = [i % cells.width, Math.floor(i / cells.width)]
    return ofNodes[Math.floor(y / CELLS_PER_NODE) * width + Math.floor(x / CELLS_PER_NODE)]!
  })
}
