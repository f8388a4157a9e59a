import type { Grid } from '../../../domain/grid.js'
import { CELL_NO_DATA, type CellPlanes } from '../cells.js'
import type { ChainState } from '../chain-state.js'
import { objectsOf } from './cell-shapes.js'

/** Half of the window, coarse cells: 7 x 7. */
const HALF = 3
const LEAST_CELLS = 15
const LEAST_CORRELATION = 0.8
/** Share of an object's cells that correlate, above which it is no cloud. */
const MOST_CORRELATED = 0.2

/**
 * Takes back objects through which the ground's pattern shows: haze and other air brighten everything alike, a cloud hides it. Where the normalised cross-correlation of blue with the chain's
 * last clear blue, over the object's own coarse cells in a window of 7 x 7, is above 0.8 (15 cells at least), the cell correlates; objects of which more than 20 % do are dropped whole. After MAJA (ATBD 2017), which looks at up to
 * 10 earlier images too: of those the state keeps none, it would need a blue plane for each.
 * @param cloud on fine cells. @param parents coarse cell of each.
 */
export function dropCorrelated(
  cloud: Uint8Array,
  parents: Int32Array,
  { grid, bands }: CellPlanes,
  reference: ChainState,
  fine: Grid,
): Uint8Array {
  const covered = new Int32Array(grid.width * grid.height)
  const within = new Int32Array(covered.length)
  for (let i = 0; i < cloud.length; i++) {
    const parent = parents[i]!
    if (parent === -1) continue
    within[parent]!++
    covered[parent]! += cloud[i]!
  }
  const isUsed = Uint8Array.from(covered, (n, k) =>
    2 * n > within[k]! && bands.blue[k] !== CELL_NO_DATA && reference.days[k] !== 0 ? 1 : 0,
  )
  const correlates = Uint8Array.from(isUsed, (used, k) =>
    used === 1 && correlation(k, bands.blue, reference.bands.blue, isUsed, grid) > LEAST_CORRELATION ? 1 : 0,
  )
  const objects = objectsOf(cloud, fine)
  const out = cloud.slice()
  for (let n = 0; n < objects.count; n++) {
    const cells = objects.cells.subarray(objects.starts[n], objects.starts[n + 1])
    let shown = 0
    for (const cell of cells) shown += correlates[parents[cell]!] ?? 0
    if (shown > MOST_CORRELATED * cells.length) for (const cell of cells) out[cell] = 0
  }
  return out
}

/** Over the used cells around one; 0 where they are too few or either side is flat. */
function correlation(
  at: number,
  a: Int16Array,
  b: Int16Array,
  isUsed: Uint8Array,
  { width, height }: Grid,
): number {
  const column = at % width
  const row = (at - column) / width
  let [n, sa, sb, saa, sbb, sab] = [0, 0, 0, 0, 0, 0]
  for (let r = Math.max(0, row - HALF); r <= Math.min(height - 1, row + HALF); r++)
    for (let c = Math.max(0, column - HALF); c <= Math.min(width - 1, column + HALF); c++) {
      const k = r * width + c
      if (isUsed[k] === 0) continue
      const [x, y] = [a[k]!, b[k]!]
      n++
      sa += x
      sb += y
      saa += x * x
      sbb += y * y
      sab += x * y
    }
  if (n < LEAST_CELLS) return 0
  const [va, vb] = [n * saa - sa * sa, n * sbb - sb * sb]
  return va <= 0 || vb <= 0 ? 0 : (n * sab - sa * sb) / Math.sqrt(va * vb)
}
