import type { PlaneSize } from './cell-shapes.js'

/** Percentile of the clear land around a place of the border. */
const SHARE = 0.35
/** Squares of so many cells have one level, from themselves and the eight around: 9 km of 60 m cells. */
const SQUARE_CELLS = 50
/** Every n-th row and column is looked at. */
const EVERY = 3
/** Below so many cells of land around, the level of all land is taken. */
const LEAST_CELLS = 50

/**
 * What lies beyond the border of an image, as bright as the clear land on this side of it: 35th percentile of the cells within some km. Fmask takes 17.5 % of all land (Zhu and Woodcock 2012); in a scene of
 * forest and bright fields that is forest, and a shadow on fields at the border, as bright as forest, is no hollow.
 * @param least unit 1, lower bound, and the level where too little land is near.
 */
export function outsideLevels(
  band: Float32Array,
  isLand: Uint8Array,
  { width, height }: PlaneSize,
  least: number,
): (cell: number) => number {
  const columns = Math.ceil(width / SQUARE_CELLS)
  const levels = new Map<number, number>()
  const levelOf = (column: number, row: number): number => {
    const values: number[] = []
    const right = Math.min(width, (column + 2) * SQUARE_CELLS)
    const bottom = Math.min(height, (row + 2) * SQUARE_CELLS)
    for (let y = Math.max(0, (row - 1) * SQUARE_CELLS); y < bottom; y += EVERY)
      for (let x = Math.max(0, (column - 1) * SQUARE_CELLS); x < right; x += EVERY)
        if (isLand[y * width + x] === 1) values.push(band[y * width + x]!)
    if (values.length < LEAST_CELLS) return least
    const sorted = Float64Array.from(values).sort()
    return Math.max(least, sorted[Math.floor(SHARE * sorted.length)]!)
  }
  return (cell) => {
    const x = cell % width
    const [column, row] = [Math.floor(x / SQUARE_CELLS), Math.floor((cell - x) / width / SQUARE_CELLS)]
    const known = levels.get(row * columns + column)
    if (known !== undefined) return known
    const level = levelOf(column, row)
    levels.set(row * columns + column, level)
    return level
  }
}
