/** Tasks of the kernel pool for composites. Runs in piscina's threads: no GDAL, no files, no state. */
import {
  compositeAdd,
  compositeClasses,
  compositeDivide,
  leastOfFour,
  WEIGHT_ONE,
  type CompositeState,
} from '../../kernels/composite.js'

const NO_DATA = -32768

export interface AddDateTask {
  /** MASK of the date on the finest grid, width x height. */
  readonly mask: Uint16Array
  readonly width: number
  readonly height: number
  /** [65536] class of each value of the mask. */
  readonly classOf: Uint8Array
  /** 1..WEIGHT_ONE. */
  readonly weight: number
  /** Thousandths of a day from the synthesis. */
  readonly day: number
  /** The finest grid, then that of pixels twice as large where there is one; `pixels` are [bands][n]. */
  readonly groups: readonly { readonly pixels: Int16Array; readonly state: CompositeState }[]
}

export function addDate({ mask, width, height, classOf, weight, day, groups }: AddDateTask): void {
  const fine = new Uint8Array(width * height)
  compositeClasses(mask, classOf, fine)
  const [first, second] = groups
  // Before the finest bands take out what they lack: the larger pixels have no-data of their own.
  const coarse = new Uint8Array(second?.state.n ?? 0)
  if (second !== undefined) leastOfFour(fine, width, height, coarse)
  if (first !== undefined)
    compositeAdd({ pixels: first.pixels, classes: fine, noData: NO_DATA, weight, day }, first.state)
  if (second !== undefined)
    compositeAdd({ pixels: second.pixels, classes: coarse, noData: NO_DATA, weight, day }, second.state)
}

export interface FinishTask {
  readonly state: CompositeState
}

/** What a block becomes; arrays on shared memory. */
export interface FinishedBlock {
  /** One for each band: reflectance x 10000. */
  readonly bands: readonly Int16Array[]
  readonly flags: Uint8Array
  /** Sum of weights x 100. */
  readonly weights: Uint16Array
  /** Mean day x 100, from the synthesis. */
  readonly dates: Int16Array
  /** Pixels by number of dates that were averaged. */
  readonly counts: Float64Array
  /** Pixels by class, 0..4. */
  readonly classes: Float64Array
}

export function finishComposite({ state }: FinishTask): FinishedBlock {
  const { n, bands, rank, count, weight, day, sums } = state
  const values = () => new Int16Array(new SharedArrayBuffer(2 * n))
  const means = Array.from({ length: bands }, (_, b) => {
    const out = values()
    compositeDivide(sums.subarray(b * n, (b + 1) * n), weight, 1, NO_DATA, out)
    return out
  })
  const dates = values()
  // Thousandths of a day to hundredths.
  compositeDivide(day, weight, 10, NO_DATA, dates)
  const weights = new Uint16Array(new SharedArrayBuffer(2 * n))
  const classes = new Float64Array(5)
  let most = 0
  for (let i = 0; i < n; i++) {
    weights[i] = Math.min(65_535, Math.floor(((weight[i] ?? 0) * 100) / WEIGHT_ONE + 0.5))
    const of = rank[i] ?? 0
    classes[of] = (classes[of] ?? 0) + 1
    most = Math.max(most, count[i] ?? 0)
  }
  const counts = new Float64Array(most + 1)
  for (let i = 0; i < n; i++) counts[count[i] ?? 0] = (counts[count[i] ?? 0] ?? 0) + 1
  return { bands: means, flags: rank, weights, dates, counts, classes }
}
