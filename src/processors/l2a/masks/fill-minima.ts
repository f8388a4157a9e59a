import type { PlaneSize } from './cell-shapes.js'

/** Steps of reflectance in which levels are held: as fine as a product's own. */
const LEVELS_PER_UNIT = 10_000
const MAX_LEVEL = 20_000

/**
 * Fills hollows of an image as water fills a relief: each cell is raised to the lowest level over which one can leave for the image's border, an invalid cell, or what
 * lies below `outsideLevel`, which counts as outside level there. A cloud's shadow is such a hollow in the near infrared (Zhu and Woodcock 2012, RSE 118, 83-94).
 * Priority flood from the border (Barnes, Lehman and Mulla 2014, Computers & Geosciences 62, 117-127) with one queue a level, so in time proportional to the cells.
 * @param values       reflectance, unit 1; NaN is invalid. Levels are steps of 0.0001, cut to 0..2.
 * @param outsideLevel unit 1: what a cell at the border is taken for where it is darker itself, or a shadow at the border would be outside.
 * @returns filled reflectance; NaN where invalid. Never below `values` by more than a step's rounding.
 */
export function fillMinima(
  values: Float32Array,
  { width, height }: PlaneSize,
  outsideLevel: (cell: number) => number,
): Float32Array {
  const size = width * height
  const level = new Int32Array(size).fill(-1)
  const levelOf = (value: number) => Math.min(MAX_LEVEL, Math.max(0, Math.round(value * LEVELS_PER_UNIT)))
  for (let i = 0; i < size; i++) {
    const value = values[i]!
    if (!Number.isNaN(value)) level[i] = levelOf(value)
  }
  // A linked list a level: `head[level]` is the last cell that came, `next[cell]` the one before.
  const head = new Int32Array(MAX_LEVEL + 1).fill(-1)
  const next = new Int32Array(size).fill(-1)
  const filled = new Int32Array(size).fill(-1)
  const push = (at: number, to: number) => {
    filled[at] = to
    next[at] = head[to]!
    head[to] = at
  }
  const isInvalid = (at: number) => level[at] === -1
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const at = y * width + x
      if (isInvalid(at)) continue
      const isBorder =
        x === 0 ||
        y === 0 ||
        x === width - 1 ||
        y === height - 1 ||
        isInvalid(at - 1) ||
        isInvalid(at + 1) ||
        isInvalid(at - width) ||
        isInvalid(at + width)
      if (isBorder) push(at, Math.max(level[at]!, levelOf(outsideLevel(at))))
    }
  for (let now = 0; now <= MAX_LEVEL; now++) {
    for (let at = head[now]!; at !== -1; at = head[now]!) {
      head[now] = next[at]!
      const x = at % width
      if (x > 0) visit(at - 1)
      if (x < width - 1) visit(at + 1)
      if (at >= width) visit(at - width)
      if (at < size - width) visit(at + width)
    }
    function visit(to: number): void {
      if (filled[to] === -1 && level[to] !== -1) push(to, Math.max(now, level[to]!))
    }
  }
  const out = new Float32Array(size)
  for (let i = 0; i < size; i++) out[i] = filled[i] === -1 ? NaN : filled[i]! / LEVELS_PER_UNIT
  return out
}
