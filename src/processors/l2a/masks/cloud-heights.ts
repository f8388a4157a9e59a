import type { Objects, PlaneSize } from './cell-shapes.js'
import { cloudPieces, type PiecesOfObject } from './cloud-pieces.js'
import type { ShadowPath } from './sky-paths.js'

/** Heights above the ground that are tried, m. */
export const [LEAST_HEIGHT_M, LARGEST_HEIGHT_M, HEIGHT_STEP_M] = [200, 10_000, 100]

/** At least this share of a piece, and so many cells, must fall on ground that can be seen. */
const [LEAST_SHARE, LEAST_CELLS] = [0.1, 3]
/** Cells of a piece that are projected at most: more of them say nothing new of its height. */
const MOST_CELLS = 100
/** How much the pieces of an object beside one and at its corners say of its height. */
const [BESIDE, CORNER] = [0.5, 0.25]
/** Clouds of a scene stand at few altitudes: from which contrast on a piece votes for its own, how far apart the same altitude is, how much the votes weigh. */
const [VOTE_CONTRAST, COMMON_SPREAD_M, COMMON_WEIGHT] = [0.3, 250, 0.6]
/** How much darker than its surroundings a projection has to be, unit 1 of `contrast`: at an altitude that no other cloud has, and at one that has a third of the votes of the most common. */
const [ALONE_CONTRAST, SHARED_CONTRAST, SHARED_PART] = [0.7, 0.2, 1 / 3]
/** Where a piece's shadow cannot be seen at altitudes with this part of all votes, what is dark elsewhere is another's. */
const MOST_HIDDEN = 0.8
/** A lower peak of this part of the highest is preferred. */
const NEARLY = 0.85
/** Heights around the best whose contrast is this part of it belong to the cloud's own thickness. */
const THICKNESS_PART = 0.75
/** But no farther from it than this, steps: in a large dark place every height is as good. */
const MOST_THICKNESS = 5

/** Altitude of a piece of cloud above the sea (above the ground where no elevation is known), m; base and top where its shadow is as plain. `isFound`: false where no shadow of it was seen. */
export interface CloudHeight {
  /** Of the piece, ascending. */
  readonly cells: Int32Array
  readonly altitudeM: number
  readonly lowM: number
  readonly highM: number
  readonly contrast: number
  readonly isFound: boolean
}

/** Darkness that a piece of cloud and its seam would lie on, by altitude: sums, and numbers of cells whose ground can be seen. */
interface Sums {
  readonly inside: Float64Array
  readonly insideCells: Float64Array
  readonly around: Float64Array
  readonly aroundCells: Float64Array
}

/**
 * Finds altitudes of clouds: for each piece of a cloud object the one at which its projection along sight and sunlight lies on dark ground, and what surrounds the projection does not. The mean darkness
 * of what the piece, and by less the pieces of its object around it, would shade, less half of that of the object's seam there; where that falls on clouds or beyond the image nothing is known. A second look
 * favours altitudes that other pieces have. After the height search of MAJA (ATBD 2017, doi:10.5281/zenodo.1209633) and the object match of Fmask (Zhu and Woodcock 2012).
 *
 * By pieces, because of most large objects nearly all of the shadow lies below the object itself: only at its edge can be seen how far it reaches; and because sheets at two altitudes make one object.
 */
export class HeightSearch {
  private readonly objects: readonly PiecesOfObject[]
  private readonly altitudesM: Float64Array
  /** Votes for each altitude, of all searches so far. */
  private readonly common: Float64Array

  /** @param isWhole no object is cut: where directions are guessed, a small piece of an edge can be laid on anything dark. */
  constructor(
    objects: Objects,
    private readonly path: ShadowPath,
    size: PlaneSize,
    isWhole: boolean,
  ) {
    this.objects = cloudPieces(objects, size, isWhole)
    this.altitudesM = altitudesOver(objects.labels.length, path)
    this.common = new Float64Array(this.altitudesM.length)
  }

  /** @param darkness 0 (as light as the ground around) to 1 by cell; NaN where the ground cannot be seen or its darkness is explained already. */
  search(darkness: Float32Array): CloudHeight[] {
    const { altitudesM, common } = this
    const searched: { readonly cells: Int32Array; readonly contrast: Float32Array }[] = []
    for (const object of this.objects) {
      // Of a long object most squares of its box are empty.
      const sums = object.pieces.map(({ cells, seam }) =>
        cells.length + seam.length === 0 ? null : this.sumsOf(cells, seam, darkness),
      )
      object.pieces.forEach(({ cells }, k) => {
        if (cells.length === 0) return
        const contrast = contrastsOf(sums, object, k, altitudesM.length)
        searched.push({ cells, contrast })
        const best = bestOf(contrast)
        if (best === -1 || contrast[best]! < VOTE_CONTRAST) return
        const weight = contrast[best]! * Math.sqrt(cells.length)
        for (let a = 0; a < common.length; a++)
          common[a]! += weight * Math.exp(-0.5 * (((a - best) * HEIGHT_STEP_M) / COMMON_SPREAD_M) ** 2)
      })
    }
    const most = common.reduce((a, b) => Math.max(a, b), 0)
    const all = common.reduce((a, b) => a + b, 0)
    return searched.map(({ cells, contrast }) => {
      const best = bestOf(contrast.map((c, a) => c + (most > 0 ? (COMMON_WEIGHT * common[a]!) / most : 0)))
      const votes = best === -1 || most === 0 ? 0 : common[best]! / most
      const wanted = ALONE_CONTRAST - (ALONE_CONTRAST - SHARED_CONTRAST) * Math.min(1, votes / SHARED_PART)
      let hidden = 0
      for (let a = 0; a < common.length; a++) if (Number.isNaN(contrast[a]!)) hidden += common[a]!
      return best === -1 || contrast[best]! < wanted || hidden > MOST_HIDDEN * all
        ? { cells, altitudeM: 0, lowM: 0, highM: 0, contrast: 0, isFound: false }
        : { cells, ...this.thickness(contrast, best), contrast: contrast[best]!, isFound: true }
    })
  }

  private thickness(contrast: Float32Array, best: number): Pick<CloudHeight, 'altitudeM' | 'lowM' | 'highM'> {
    const enough = THICKNESS_PART * contrast[best]!
    const last = contrast.length - 1
    let [low, high] = [best, best]
    while (low > Math.max(0, best - MOST_THICKNESS) && contrast[low - 1]! >= enough) low--
    while (high < Math.min(last, best + MOST_THICKNESS) && contrast[high + 1]! >= enough) high++
    const [altitudeM, lowM, highM] = [best, low, high].map((a) => this.altitudesM[a]!) as [
      number,
      number,
      number,
    ]
    return { altitudeM, lowM, highM }
  }

  private sumsOf(cells: Int32Array, seam: Int32Array, darkness: Float32Array): Sums {
    const zeros = () => new Float64Array(this.altitudesM.length)
    const sums = { inside: zeros(), insideCells: zeros(), around: zeros(), aroundCells: zeros() }
    const add = (of: Int32Array, to: Float64Array, counts: Float64Array) => {
      const every = everyOf(of.length)
      for (let k = 0; k < of.length; k += every)
        this.path.addShaded(of[k]!, this.altitudesM, LEAST_HEIGHT_M, darkness, to, counts)
    }
    add(cells, sums.inside, sums.insideCells)
    add(seam, sums.around, sums.aroundCells)
    return sums
  }
}

/** Every n-th of so many cells, so that MOST_CELLS remain at most. */
const everyOf = (cells: number): number => Math.max(1, Math.ceil(cells / MOST_CELLS))

/** From the least height over the lowest ground to the largest over the highest, m. */
function altitudesOver(cells: number, path: ShadowPath): Float64Array {
  let [low, high] = [Infinity, -Infinity]
  for (let i = 0; i < cells; i++) {
    const ground = path.groundM(i)
    if (ground < low) low = ground
    if (ground > high) high = ground
  }
  const first = LEAST_HEIGHT_M + HEIGHT_STEP_M * Math.floor(low / HEIGHT_STEP_M)
  const count = 1 + Math.ceil((high + LARGEST_HEIGHT_M - first) / HEIGHT_STEP_M)
  return Float64Array.from({ length: count }, (_, k) => first + k * HEIGHT_STEP_M)
}

/** Of piece k, with what its neighbours in the object say. NaN where too little of it falls on ground that can be seen. */
function contrastsOf(
  sums: readonly (Sums | null)[],
  { columns, rows, pieces }: PiecesOfObject,
  k: number,
  count: number,
): Float32Array {
  const zeros = () => new Float64Array(count)
  const [inside, insideCells, around, aroundCells] = [zeros(), zeros(), zeros(), zeros()]
  const column = k % columns
  const row = (k - column) / columns
  for (let r = Math.max(0, row - 1); r <= Math.min(rows - 1, row + 1); r++)
    for (let c = Math.max(0, column - 1); c <= Math.min(columns - 1, column + 1); c++) {
      const of = sums[r * columns + c]
      if (of === null || of === undefined) continue
      const weight = r === row && c === column ? 1 : r === row || c === column ? BESIDE : CORNER
      for (let a = 0; a < count; a++) {
        inside[a]! += weight * of.inside[a]!
        insideCells[a]! += weight * of.insideCells[a]!
        around[a]! += weight * of.around[a]!
        aroundCells[a]! += weight * of.aroundCells[a]!
      }
    }
  const { length } = pieces[k]!.cells
  const least = Math.max(LEAST_CELLS, (LEAST_SHARE * length) / everyOf(length))
  return Float32Array.from({ length: count }, (_, a) => {
    if (insideCells[a]! < least) return NaN
    const seam = aroundCells[a] === 0 ? 0 : around[a]! / aroundCells[a]!
    return inside[a]! / insideCells[a]! - 0.5 * seam
  })
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
