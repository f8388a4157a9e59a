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
  /** Isolated shadows of at least 20 pixels: how many, and how many whose centre is found within 120 m. */
  readonly shadows: number
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
  const isShadow = (t: number) => (t & (T.shadow | T.shadowFromOutside)) !== 0
  const seen = (t: number) => (t & (T.cloud | T.unscored | T.shadowUnscored)) === 0
  // Shadows that nothing else touches: what is left of one below a cloud has its centre elsewhere.
  const wholeShadows = objectsOf(
    truth.map((t) => (t !== OUTSIDE && isShadow(t) ? 1 : 0)),
    grid,
  )
  let [shadows, nearShadows] = [0, 0]
  const ours = objectsOf(
    Uint8Array.from(bits, (m) => (has(m, 'shadowInside', 'shadowOutside') ? 1 : 0)),
    grid,
  )
  for (let n = 0; n < wholeShadows.count; n++) {
    const object = wholeShadows.cells.subarray(wholeShadows.starts[n], wholeShadows.starts[n + 1])
    if (object.length < LEAST_OBJECT || !object.every((cell) => seen(truth[cell]!) && isInside(cell, grid)))
      continue
    shadows++
    // What we have of it: objects that touch it.
    const labels = new Set([...object].map((cell) => ours.labels[cell]!).filter((label) => label !== 0))
    const found = [...labels].flatMap((label) => [
      ...ours.cells.subarray(ours.starts[label - 1], ours.starts[label]),
    ])
    if (found.length === 0) continue
    const [a, b] = [centreOf(object, grid), centreOf(found, grid)]
    if (grid.pixelWidthM * Math.hypot(a[0] - b[0], a[1] - b[1]) <= NEAR_M) nearShadows++
  }
  return {
    cloud: agreement(
      (t) => (t & T.cloud) !== 0,
      (m) => has(m, 'cloud'),
      (t) => (t & T.unscored) === 0,
    ),
    shadow: agreement(isShadow, (m) => has(m, 'shadowInside', 'shadowOutside'), seen),
    shadows,
    nearShadows,
  }
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
