import type { Grid } from '../../domain/grid.js'
import { meansAround } from '../../kernels/ground.js'

/**
 * Share of the light scattered into the line of sight that comes from farther than `km`: the environment functions of 6S (Vermote et al. 1997, after Tanre et al. 1981) for
 * air and aerosol, three quarters of it aerosol's, as in hazy blue and all of the red.
 */
function shareBeyond(km: number): number {
  const air = 0.93 * Math.exp(-0.8 * km) + 0.07 * Math.exp(-1.1 * km)
  const aerosol = 0.375 * Math.exp(-0.2 * km) + 0.625 * Math.exp(-1.83 * km)
  return 0.25 * air + 0.75 * aerosol
}

/** Up to here every cell counts by itself, m; farther off means of many do. */
const NEAR_M = 2400
/** Beyond this nothing is counted, m. */
const FAR_M = 12_000

/** Weights of the cells around one, as `meansAround` takes them. */
export interface SurroundingWeights {
  readonly radius: number
  /** [2 radius + 1][2 radius + 1]. */
  readonly weights: Float32Array
}

/** What lies near and far around a cell, and the share of the near. */
export interface SurroundingKernel {
  readonly near: SurroundingWeights
  readonly far: SurroundingWeights
  /** Cells along one of the large cells of `far`. */
  readonly perFar: number
  readonly nearShare: number
}

function ring(cellM: number, fromM: number, toM: number): SurroundingWeights {
  const radius = Math.floor(toM / cellM)
  const side = 2 * radius + 1
  const km = cellM / 1000
  // The circle of a cell's own area.
  const ownKm = km / Math.sqrt(Math.PI)
  const weights = Float32Array.from({ length: side * side }, (_, i) => {
    const r = km * Math.hypot((i % side) - radius, Math.floor(i / side) - radius)
    if (r * 1000 > toM || r * 1000 < fromM) return 0
    if (r === 0) return 1 - shareBeyond(ownKm)
    // Share of the ring about r, spread over it.
    const share = shareBeyond(r - km / 2) - shareBeyond(r + km / 2)
    return (share * km * km) / (2 * Math.PI * r * km)
  })
  return { radius, weights }
}

/** The kernel over cells of `cellM` metres. Nothing but the cell itself where cells are larger than the reach. */
export function surroundingKernel(cellM: number): SurroundingKernel {
  const perFar = Math.max(1, Math.round(NEAR_M / 2 / cellM))
  const within = 1 - shareBeyond(NEAR_M / 1000)
  const all = 1 - shareBeyond(FAR_M / 1000)
  const far = ring(cellM * perFar, NEAR_M, FAR_M)
  return { near: ring(cellM, 0, NEAR_M), far, perFar, nearShare: far.radius === 0 ? 1 : within / all }
}

/** Means over squares of `per` cells, NaN left out; row-major, ceil(rows / per) x ceil(columns / per). */
export function coarsened(
  values: Float32Array,
  rows: number,
  columns: number,
  per: number,
): { readonly values: Float32Array; readonly rows: number; readonly columns: number } {
  const [r, c] = [Math.ceil(rows / per), Math.ceil(columns / per)]
  const [sums, counts] = [new Float64Array(r * c), new Int32Array(r * c)]
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i]!)) continue
    const at = Math.floor(Math.floor(i / columns) / per) * c + Math.floor((i % columns) / per)
    sums[at]! += values[i]!
    counts[at]! += 1
  }
  return { values: Float32Array.from(sums, (sum, i) => sum / counts[i]!), rows: r, columns: c }
}

/** Near and far put together, in place of `near`; where nothing is known of one the other stands alone. `far` is linear between the centres of its cells. */
export function joinNearAndFar(
  near: Float32Array,
  columns: number,
  far: { readonly values: Float32Array; readonly rows: number; readonly columns: number },
  { perFar, nearShare }: SurroundingKernel,
): void {
  const place = (cell: number, count: number) => Math.min(Math.max((cell + 0.5) / perFar - 0.5, 0), count - 1)
  const mix = (a: number, b: number, share: number) =>
    Number.isNaN(a) ? b : Number.isNaN(b) ? a : a + share * (b - a)
  for (let i = 0; i < near.length; i++) {
    const across = place(i % columns, far.columns)
    const down = place(Math.floor(i / columns), far.rows)
    const left = Math.floor(across)
    const right = Math.min(left + 1, far.columns - 1)
    const top = Math.floor(down) * far.columns
    const bottom = Math.min(Math.floor(down) + 1, far.rows - 1) * far.columns
    const fx = across - left
    const value = mix(
      mix(far.values[top + left]!, far.values[top + right]!, fx),
      mix(far.values[bottom + left]!, far.values[bottom + right]!, fx),
      down - Math.floor(down),
    )
    near[i] = mix(near[i]!, value, 1 - nearShare)
  }
}

/**
 * Fills cells around which nothing is known with the mean of those that are known: over a wide cloud or beyond the swath nothing better is at hand, and a pixel
 * there is no-data or cloud. In place; false where no cell is known at all.
 */
export function fillUnknown(values: Float32Array): boolean {
  let sum = 0
  let known = 0
  for (const value of values)
    if (!Number.isNaN(value)) {
      sum += value
      known++
    }
  if (known === 0) return false
  const mean = sum / known
  for (let i = 0; i < values.length; i++) if (Number.isNaN(values[i]!)) values[i] = mean
  return true
}

/** One call of `meansAround`, but for the rows and what gets the means. */
export type MeansTask = Omit<Parameters<typeof meansAround>[0], 'firstRow' | 'lastRow' | 'out'>

/**
 * Reflectance around each cell from that of the cells, NaN where it is not known (no data, cloud); null where nothing is known. Asks for means, one after the other, and gets them back: who calls it
 * has them made on one thread or on many.
 */
export function* surroundingsBy(
  own: Float32Array,
  { width, height, pixelWidthM }: Grid,
): Generator<MeansTask, Float32Array | null, Float32Array> {
  const kernel = surroundingKernel(pixelWidthM)
  const near = yield { ...kernel.near, values: own, rows: height, columns: width }
  if (kernel.nearShare < 1) {
    const far = coarsened(own, height, width, kernel.perFar)
    joinNearAndFar(near, width, { ...far, values: yield { ...kernel.far, ...far } }, kernel)
  }
  return fillUnknown(near) ? near : null
}

/** The same on this thread: of the few bands that the air is found from. */
export function surroundingsOf(own: Float32Array, cells: Grid): Float32Array | null {
  const steps = surroundingsBy(own, cells)
  let step = steps.next()
  while (step.done !== true) {
    const out = new Float32Array(step.value.values.length)
    meansAround({ ...step.value, firstRow: 0, lastRow: step.value.rows, out })
    step = steps.next(out)
  }
  return step.value
}
