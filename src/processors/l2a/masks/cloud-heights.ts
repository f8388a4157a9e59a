import type { Objects, PlaneSize } from './cell-shapes.js'
import type { ShadowPath } from './sky-paths.js'

/** Heights above the ground that are tried, m. */
export const [LEAST_HEIGHT_M, LARGEST_HEIGHT_M, HEIGHT_STEP_M] = [200, 10_000, 100]
const HEIGHTS = Math.round((LARGEST_HEIGHT_M - LEAST_HEIGHT_M) / HEIGHT_STEP_M) + 1
const heightOf = (k: number): number => LEAST_HEIGHT_M + k * HEIGHT_STEP_M

/** A height counts as found where the projection is darker than its surroundings by this, unit 1 of `contrast`. */
const LEAST_CONTRAST = 0.3
/** At least this share of an object, and so many cells, must fall on ground that can be seen. */
const [LEAST_SHARE, LEAST_CELLS] = [0.1, 3]
/** Cells of an object that are projected at most: more of them say nothing new of its height. */
const MOST_CELLS = 3000
/** Clouds of a scene stand at few heights: how much their common heights weigh, and how far apart the same height is. */
const [COMMON_WEIGHT, COMMON_SPREAD_M] = [0.4, 250]
/** A lower peak of this part of the highest is preferred. */
const NEARLY = 0.85
/** Heights around the best whose contrast is this part of it belong to the cloud's own thickness. */
const THICKNESS_PART = 0.75
/** But no farther from it than this, steps: in a large dark place every height is as good. */
const MOST_THICKNESS = 5

/** Height of one cloud object above the ground, m; base and top where its shadow is as plain. `isFound`: false where no shadow of it was seen. */
export interface CloudHeight {
  readonly heightM: number
  readonly lowM: number
  readonly highM: number
  readonly contrast: number
  readonly isFound: boolean
}

/**
 * Height of each cloud object: the one at which its projection along sight and sunlight lies on dark ground, and what surrounds the projection does not. The mean darkness
 * of what the object would shade, less half of that of a seam of 2 cells around it; where that falls on clouds or beyond the image nothing is known. A second look favours heights that other
 * objects have. After the height search of MAJA (ATBD 2017, doi:10.5281/zenodo.1209633) and the object match of Fmask (Zhu and Woodcock 2012).
 * @param darkness 0 (as light as the ground around) to 1 by cell; NaN where the ground cannot be seen: clouds, no data.
 */
export function cloudHeights(
  objects: Objects,
  darkness: Float32Array,
  path: ShadowPath,
  size: PlaneSize,
): CloudHeight[] {
  const seams = new Int32Array(objects.labels.length)
  const contrasts: Float32Array[] = []
  const common = new Float64Array(HEIGHTS)
  for (let n = 0; n < objects.count; n++) {
    const cells = thinnedOut(objects.cells.subarray(objects.starts[n], objects.starts[n + 1]))
    const seam = thinnedOut(seamOf(objects, n, seams, size))
    const contrast = Float32Array.from({ length: HEIGHTS }, (_, k) =>
      contrastAt(cells, seam, heightOf(k), darkness, path),
    )
    contrasts.push(contrast)
    const best = bestOf(contrast)
    if (best === -1 || contrast[best]! < LEAST_CONTRAST) continue
    const weight = contrast[best]! * Math.sqrt(cells.length)
    for (let k = 0; k < HEIGHTS; k++)
      common[k]! += weight * Math.exp(-0.5 * (((k - best) * HEIGHT_STEP_M) / COMMON_SPREAD_M) ** 2)
  }
  const most = common.reduce((a, b) => Math.max(a, b), 0)
  return contrasts.map((contrast) => {
    const weighed = contrast.map((c, k) => c + (most > 0 ? (COMMON_WEIGHT * common[k]!) / most : 0))
    const best = bestOf(weighed)
    if (best === -1 || contrast[best]! < LEAST_CONTRAST)
      return { heightM: 0, lowM: 0, highM: 0, contrast: 0, isFound: false }
    const enough = THICKNESS_PART * contrast[best]!
    let [low, high] = [best, best]
    while (low > Math.max(0, best - MOST_THICKNESS) && contrast[low - 1]! >= enough) low--
    while (high < Math.min(HEIGHTS - 1, best + MOST_THICKNESS) && contrast[high + 1]! >= enough) high++
    return {
      heightM: heightOf(best),
      lowM: heightOf(low),
      highM: heightOf(high),
      contrast: contrast[best]!,
      isFound: true,
    }
  })
}

function contrastAt(
  cells: Int32Array,
  seam: Int32Array,
  heightM: number,
  darkness: Float32Array,
  path: ShadowPath,
): number {
  const mean = (of: Int32Array): readonly [number, number] => {
    let sum = 0
    let count = 0
    for (let k = 0; k < of.length; k++) {
      const at = path.shaded(of[k]!, heightM)
      const dark = at === -1 ? NaN : darkness[at]!
      if (Number.isNaN(dark)) continue
      sum += dark
      count++
    }
    return [count === 0 ? 0 : sum / count, count]
  }
  const [inside, count] = mean(cells)
  if (count < LEAST_CELLS || count < LEAST_SHARE * cells.length) return NaN
  const [around] = mean(seam)
  return inside - 0.5 * around
}

/** Place of the lowest peak that is nearly the highest: what lies farther off is more often another dark thing. -1 where all are NaN. */
function bestOf(values: Float32Array): number {
  let most = -Infinity
  for (const value of values) if (value > most) most = value
  if (most === -Infinity) return -1
  const at = (k: number) => {
    const value = values[k] ?? NaN
    return Number.isNaN(value) ? -Infinity : value
  }
  let k = 0
  while (at(k) < most && !(at(k) >= NEARLY * most && at(k) >= at(k - 1) && at(k) >= at(k + 1))) k++
  return k
}

/** Every n-th, so that MOST_CELLS remain at most. */
function thinnedOut(cells: Int32Array): Int32Array {
  const every = Math.ceil(cells.length / MOST_CELLS)
  return every <= 1 ? cells : cells.filter((_, i) => i % every === 0)
}

/** Cells within 2 of an object that are no cloud themselves. `stamps` remembers which object a cell was last taken for. */
function seamOf(
  { labels, starts, cells }: Objects,
  n: number,
  stamps: Int32Array,
  { width, height }: PlaneSize,
): Int32Array {
  const seam: number[] = []
  for (let k = starts[n]!; k < starts[n + 1]!; k++) {
    const cell = cells[k]!
    const x = cell % width
    const y = (cell - x) / width
    for (let r = Math.max(0, y - 2); r <= Math.min(height - 1, y + 2); r++)
      for (let c = Math.max(0, x - 2); c <= Math.min(width - 1, x + 2); c++) {
        const at = r * width + c
        if (labels[at] !== 0 || stamps[at] === n + 1) continue
        stamps[at] = n + 1
        seam.push(at)
      }
  }
  return Int32Array.from(seam)
}
