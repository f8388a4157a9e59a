import type { Grid } from '../../../domain/grid.js'
import { dilated, grownInto, majority, objectsOf } from './cell-shapes.js'
import { HeightSearch, LARGEST_HEIGHT_M, type CloudHeight } from './cloud-heights.js'
import { ShadowPath } from './sky-paths.js'
import { guessedSun } from './unknown-sky.js'

/** A cell is dark below this part of the light of the ground around it, and may belong to a dark object below that. */
export const DARK_BELOW = 0.8
const HALF_DARK_BELOW = 0.88
/** Square in which the majority decides whether it is dark, m. */
const MAJORITY_M = 100
/** How far from a projection, m, dark ground is still the cloud's shadow: clouds are no screens. */
const AROUND_M = 150
/** Steps between base and top of a cloud at which its shadow is drawn, m. */
const DRAW_STEP_M = 100
/** Heights of clouds outside the image, m, and how dark their shadows have to be. */
const OUTSIDE_STEP_M = 250
const OUTSIDE_DARK_BELOW = 0.7
const OUTSIDE_LEAST_CELLS = 9
/** They reach this near to the border or to no-data, cells: farther in, a burnt field is more likely. */
const OUTSIDE_TOUCHES = 3

export interface ShadowInput {
  readonly grid: Grid
  readonly isValid: Uint8Array
  readonly cloud: Uint8Array
  /** 1 where dark ground is no sign of a shadow: water, shadow of terrain. */
  readonly isExcluded: Uint8Array
  /** `relativeDarkness`; NaN where not valid. */
  readonly relative: Float32Array
  /** Whether a cell's light contradicts a shadow (`litTest`). */
  readonly isLit: (cell: number) => boolean
  /** Null: nothing is known of sun and sight; the direction is guessed from the image, and where none stands out every dark cell counts. */
  readonly path: ShadowPath | null
}

export interface CloudShadows {
  /** 1 where a cloud of the image shades the ground. */
  readonly inside: Uint8Array
  /** 1 where a cloud that the image does not show does. */
  readonly outside: Uint8Array
  /** By piece of the cloud mask, objects in order of their first cell, then those found in the second search; empty without directions. */
  readonly heights: readonly CloudHeight[]
}

/**
 * Shadows of clouds: ground where clouds of some altitude throw them. The altitude of each piece of cloud is searched (`HeightSearch`), then again in what is left dark beyond 150 m of the projections: where two decks overlap a
 * piece of cloud has two altitudes. Shadow is what lies in a projection, as in Fmask, unless its light contradicts it, and dark ground within 150 m that is connected to the dark ground in one. Then, dark
 * objects from which the cloud would have to be seen beyond the image's border (or in no-data) are shadows of clouds outside, where they are darker still, with what is dark beside them.
 *
 * Where directions are guessed, a projection is not good enough for that: only dark ground is shadow, of whole objects, searched once.
 */
export function cloudShadows(input: ShadowInput): CloudShadows {
  const { grid, isValid, cloud, isExcluded, relative } = input
  const size = cloud.length
  const open = isValid.map((v, i) => (v === 1 && cloud[i] === 0 && isExcluded[i] === 0 ? 1 : 0))
  const darkerThan = (limit: number) => {
    const raw = open.map((v, i) => (v === 1 && relative[i]! < limit ? 1 : 0))
    const side = 2 * Math.round(MAJORITY_M / grid.pixelWidthM / 2 - 0.25) + 1
    return majority(raw, open, grid, Math.max(1, side))
  }
  const dark = darkerThan(DARK_BELOW)
  const darkness = relative.map((ratio, i) => (open[i] === 1 ? darknessOf(ratio) : NaN))
  const path = input.path ?? guessedPath(cloud, darkness, grid)
  if (path === null) return { inside: dark, outside: new Uint8Array(size), heights: [] }
  const isGuessed = input.path === null
  const search = new HeightSearch(objectsOf(cloud, grid), path, grid, isGuessed)
  const projected = new Uint8Array(size)
  const heights = search.search(darkness)
  draw(heights, path, projected)
  if (!isGuessed) {
    const explained = dilated(projected, grid, AROUND_M / grid.pixelWidthM)
    const others = search.search(darkness.map((v, i) => (explained[i] === 1 ? NaN : v)))
    draw(others, path, projected)
    heights.push(...others.filter(({ isFound }) => isFound))
  }
  const near = dilated(projected, grid, AROUND_M / grid.pixelWidthM)
  const half = darkerThan(HALF_DARK_BELOW)
  const inside = grownInto(
    dark.map((v, i) => (v === 1 && projected[i] === 1 ? 1 : 0)),
    half.map((v, i) => (near[i] === 1 && (v === 1 || dark[i] === 1) ? 1 : 0)),
    grid,
  )
  if (!isGuessed)
    for (let i = 0; i < size; i++) if (projected[i] === 1 && open[i] === 1 && !input.isLit(i)) inside[i] = 1
  return { inside, outside: shadowsFromOutside(input, path, open, inside, half), heights }
}

/** Sets 1 where pieces whose altitude was found throw their shadows. */
function draw(heights: readonly CloudHeight[], path: ShadowPath, projected: Uint8Array): void {
  for (const { isFound, cells, lowM, highM } of heights) {
    if (!isFound) continue
    for (let k = 0; k < cells.length; k++)
      for (let h = lowM; h <= highM; h += DRAW_STEP_M) {
        const at = path.shaded(cells[k]!, h)
        if (at !== -1) projected[at] = 1
      }
  }
}

function guessedPath(cloud: Uint8Array, darkness: Float32Array, grid: Grid): ShadowPath | null {
  const sun = guessedSun(cloud, darkness, grid)
  if (sun === null) return null
  const above = { east: new Float32Array(cloud.length), north: new Float32Array(cloud.length) }
  return new ShadowPath(grid, sun, above, null)
}

/** 0 from 0.95 of the light around up, 1 below 0.65. */
const darknessOf = (ratio: number): number => Math.min(1, Math.max(0, (0.95 - ratio) / 0.3))

function isOnBorder(cell: number, { width, height }: Grid): boolean {
  const [x, y] = [cell % width, Math.floor(cell / width)]
  return x === 0 || y === 0 || x === width - 1 || y === height - 1
}

/** Dark objects at the border of whose cells half may be shaded by a cloud that is seen beyond the image or in no-data, and cells of `half` that are connected to them and may be too. */
function shadowsFromOutside(
  { grid, isValid, relative }: ShadowInput,
  path: ShadowPath,
  open: Uint8Array,
  inside: Uint8Array,
  half: Uint8Array,
): Uint8Array {
  const out = new Uint8Array(inside.length)
  const candidates = open.map((v, i) =>
    v === 1 && inside[i] === 0 && relative[i]! < OUTSIDE_DARK_BELOW ? 1 : 0,
  )
  const objects = objectsOf(candidates, grid)
  const mayComeFromOutside = (cell: number) => {
    // From the largest: nearly always that decides.
    for (let h = LARGEST_HEIGHT_M; h > 0; h -= OUTSIDE_STEP_M) {
      const at = path.seen(cell, path.groundM(cell) + h)
      if (at === -1 || isValid[at] === 0) return true
    }
    return false
  }
  const rim = dilated(
    isValid.map((v, i) => (v === 0 || isOnBorder(i, grid) ? 1 : 0)),
    grid,
    OUTSIDE_TOUCHES,
  )
  for (let n = 0; n < objects.count; n++) {
    const cells = objects.cells.subarray(objects.starts[n], objects.starts[n + 1])
    if (cells.length < OUTSIDE_LEAST_CELLS || cells.every((cell) => rim[cell] === 0)) continue
    let may = 0
    for (const cell of cells) if (mayComeFromOutside(cell)) may++
    if (2 * may >= cells.length) for (const cell of cells) out[cell] = 1
  }
  const grown = grownInto(
    out,
    half.map((v, i) => (out[i] === 1 || (v === 1 && inside[i] === 0) ? 1 : 0)),
    grid,
  )
  return grown.map((v, i) => (v === 1 && (out[i] === 1 || mayComeFromOutside(i)) ? 1 : 0))
}
