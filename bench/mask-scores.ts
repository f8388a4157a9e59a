import type { Grid } from '../src/domain/grid.js'
import { MASK_BITS } from '../src/domain/mask-bits.js'
import { objectsOf } from '../src/processors/l2a/masks/cell-shapes.js'
import { CLOUD_TRUTH, OUTSIDE } from '../src/simulator/clouds/cloud-truth.js'

/** The least shadow that is looked at alone, pixels of the mask. */
const LEAST_OBJECT = 20
/** How far the centre of what was found may lie from that of a shadow, m. */
const NEAR_M = 120

/** How often two masks agree: 2 x both, and how often each says yes, summed. Counts of several dates add up. */
export interface Agreement {
  readonly both: number
  readonly either: number
}
export const f1Of = ({ both, either }: Agreement): number => both / either

/** Counts of one date. */
export interface MaskScore {
  readonly cloud: Agreement
  readonly shadow: Agreement
  /** Isolated shadows of at least 20 pixels: how many, of how many anything is found, and how many whose centre is found within 120 m. */
  readonly shadows: number
  readonly foundShadows: number
  readonly nearShadows: number
}

export const has = (mask: number, ...names: (keyof typeof MASK_BITS)[]): boolean =>
  names.some((name) => (mask & (1 << MASK_BITS[name])) !== 0)

/** `truth` CLOUD_TRUTH and `bits` MASK_BITS of the same pixels; what is thinner than 0.3 and thicker than 0.1 is not scored. */
export function scoreMasks(truth: Uint8Array, bits: Uint16Array, grid: Grid): MaskScore {
  const T = CLOUD_TRUTH
  const agreement = (
    isTrue: (t: number) => boolean,
    isOurs: (m: number) => boolean,
    isScored: (t: number) => boolean,
  ): Agreement => {
    let [both, either] = [0, 0]
    truth.forEach((t, i) => {
      if (t === OUTSIDE || !isScored(t)) return
      const [a, b] = [isTrue(t), isOurs(bits[i]!)]
      both += a && b ? 2 : 0
      either += (a ? 1 : 0) + (b ? 1 : 0)
    })
    return { both, either }
  }
  const isolated = isolatedShadows(truth, bits, grid)
  return {
    cloud: agreement(
      (t) => (t & T.cloud) !== 0,
      (m) => has(m, 'cloud'),
      (t) => (t & T.unscored) === 0,
    ),
    shadow: agreement(isShadow, (m) => has(m, 'shadowInside', 'shadowOutside'), isSeen),
    shadows: isolated.length,
    foundShadows: isolated.filter(({ isFound }) => isFound).length,
    nearShadows: isolated.filter(({ isNear }) => isNear).length,
  }
}

/** A true shadow of at least 20 pixels that nothing else touches. */
export interface IsolatedShadow {
  /** Its pixels, ascending. */
  readonly cells: Int32Array
  /** A shadow that was found touches it. */
  readonly isFound: boolean
  /** Of the shadows found, those that touch it have their common centre within 120 m of its own. */
  readonly isNear: boolean
}

const isShadow = (t: number): boolean => (t & (CLOUD_TRUTH.shadow | CLOUD_TRUTH.shadowFromOutside)) !== 0
const isSeen = (t: number): boolean =>
  (t & (CLOUD_TRUTH.cloud | CLOUD_TRUTH.unscored | CLOUD_TRUTH.shadowUnscored)) === 0

/** What is left of a shadow below a cloud has its centre elsewhere: only whole ones are looked at, inside of the image. */
export function isolatedShadows(truth: Uint8Array, bits: Uint16Array, grid: Grid): IsolatedShadow[] {
  const all = objectsOf(
    truth.map((t) => (t !== OUTSIDE && isShadow(t) ? 1 : 0)),
    grid,
  )
  const ours = objectsOf(
    Uint8Array.from(bits, (m) => (has(m, 'shadowInside', 'shadowOutside') ? 1 : 0)),
    grid,
  )
  const isolated: IsolatedShadow[] = []
  for (let n = 0; n < all.count; n++) {
    const cells = all.cells.slice(all.starts[n], all.starts[n + 1])
    if (cells.length < LEAST_OBJECT || !cells.every((cell) => isSeen(truth[cell]!) && isInside(cell, grid)))
      continue
    const labels = new Set([...cells].map((cell) => ours.labels[cell]!).filter((label) => label !== 0))
    const found = [...labels].flatMap((label) => [
      ...ours.cells.subarray(ours.starts[label - 1], ours.starts[label]),
    ])
    const [a, b] = [centreOf(cells, grid), centreOf(found, grid)]
    const isNear = found.length > 0 && grid.pixelWidthM * Math.hypot(a[0] - b[0], a[1] - b[1]) <= NEAR_M
    isolated.push({ cells, isFound: found.length > 0, isNear })
  }
  return isolated
}

const isInside = (cell: number, { width, height }: Grid): boolean => {
  const [x, y] = [cell % width, Math.floor(cell / width)]
  return x > 0 && y > 0 && x < width - 1 && y < height - 1
}

function centreOf(cells: ArrayLike<number>, { width }: Grid): readonly [number, number] {
  let [x, y] = [0, 0]
  for (let k = 0; k < cells.length; k++) {
    x += cells[k]! % width
    y += Math.floor(cells[k]! / width)
  }
  return [x / cells.length, y / cells.length]
}
