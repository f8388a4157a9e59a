import { TERMS, type BandTable } from './band-table.js'
import { lagrangeOf, newLagrange } from './interpolate.js'
import { SCALE_HEIGHT_M } from './nodes.js'
import { altitudeAtPressure } from './pressure.js'
import { forEachCell, type CellAir } from './surface-cells.js'
import type { ToaBand } from './toa-cells.js'

/** AOT at 550 nm above the ground at which the model is asked; parabolas between. */
export const MODEL_AOT: readonly number[] = [0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.2, 1.6, 2]
/** AOT at sea level at which a cost is known; between two of them residuals are taken as lines. */
export const COST_AOT: readonly number[] = [
  0, 0.025, 0.05, 0.075, 0.1, 0.125, 0.15, 0.175, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 0.8, 1, 1.2, 1.5,
  2,
]
const N = COST_AOT.length
/** Numbers of a cost: its value at each AOT, then the curvature of each interval. */
export const COST_SIZE = 2 * N - 1

/** Reflectance of one band's cells under each AOT of COST_AOT, [cell][COST_AOT], NaN where it is not known or not asked for. */
export type Responses = Float32Array

/** Of cells that a scene has no band for. */
export const unknownResponses = (cells: number): Responses => new Float32Array(cells * N).fill(NaN)

/** What a band's responses are made of beside its table. */
export interface ResponseGround {
  /** 1 for the cells that are needed. */
  readonly isWanted: Uint8Array
  /** Reflectance at the sensor, unit 1, that the band would have if the ground of the cell were as that around it (`toaOfSurface`); null: it is alike everywhere. */
  readonly aroundToa: Float32Array | null
}

/** Path, factor, spherical albedo, total over direct transmittance upwards. */
const RESPONSE_TERMS = TERMS + 1

/**
 * Surface reflectance of cells under each AOT at sea level. With `aroundToa` light from beside is taken off as the correction of the pixels does (native/kernels/correct.hpp), and the ground around is brought
 * to the surface under the same AOT; the table then has legs.
 */
export function responsesOf(
  toa: ToaBand,
  table: BandTable,
  air: Pick<CellAir, 'grid' | 'pressureHpa' | 'wv'>,
  { isWanted, aroundToa }: ResponseGround,
): Responses {
  const out = new Float32Array(toa.rho.length * N).fill(NaN)
  const weights = newLagrange()
  const used = Math.min(table.terms, RESPONSE_TERMS)
  // Each term for each AOT: where it lies on the table's axis depends on the altitude.
  const evaluate = (column: Float64Array, hpa: number, to: Float64Array): void => {
    const thinner = Math.exp(-altitudeAtPressure(hpa) / SCALE_HEIGHT_M)
    to.fill(0)
    for (let k = 0, first = 0; k < N; k++, first += RESPONSE_TERMS) {
      lagrangeOf(table.axes.aot, COST_AOT[k]! * thinner, weights)
      for (let j = 0, at = weights.first * table.terms; j < weights.count; j++, at += table.terms)
        for (let term = 0; term < used; term++) to[first + term]! += weights.weights[j]! * column[at + term]!
      to[first + 1] = Math.exp(-to[first + 1]!)
    }
  }
  const rho = toa.rho.map((value, i) => (isWanted[i] === 1 ? value : NaN))
  forEachCell({ ...toa, rho }, table, air, { size: RESPONSE_TERMS * N, evaluate }, (i, value, terms) => {
    const beside = aroundToa?.[i] ?? NaN
    for (let k = 0, at = 0; k < N; k++, at += RESPONSE_TERMS) {
      const p = terms[at]!
      const g = terms[at + 1]!
      const s = terms[at + 2]!
      const y = (value - p) * g
      if (Number.isNaN(beside)) out[i * N + k] = y / (1 + s * y)
      else {
        const u = terms[at + 3]!
        const around = (beside - p) * g
        const e = around / (1 + s * around)
        out[i * N + k] = y * u * (1 - e * s) - e * (u - 1)
      }
    }
  })
  return out
}

/**
 * What the cells of an image say against each AOT: sums of weighted squares, [cell][COST_SIZE]. A residual is a line between two AOTs, so its square is a parabola there, known by its
 * ends and its curvature: costs of any set of cells add up, and their least value is found in closed form.
 */
export class CellCosts {
  readonly costs: Float32Array
  /** Sum of the weights of each cell. */
  readonly weights: Float32Array
  /** The AOT at which the cell's blue would become negative; Infinity where none does. */
  readonly most: Float32Array

  constructor(cells: number) {
    this.costs = new Float32Array(cells * COST_SIZE)
    this.weights = new Float32Array(cells)
    this.most = new Float32Array(cells).fill(Infinity)
  }

  /** Adds weight x (a - ratio x b - offset)^2 for one cell; `b` null: a alone against the offset. Cells without a value are left out. */
  add(cell: number, weight: number, a: Responses, b: Responses | null, ratio: number, offset: number): void {
    const at = cell * N
    const residual = (k: number) => a[at + k]! - (b === null ? 0 : ratio * b[at + k]!) - offset
    if (Number.isNaN(residual(0))) return
    const to = cell * COST_SIZE
    let before = residual(0)
    this.costs[to]! += weight * before * before
    for (let k = 1; k < N; k++) {
      const next = residual(k)
      this.costs[to + k]! += weight * next * next
      this.costs[to + N + k - 1]! += weight * (next - before) ** 2
      before = next
    }
    this.weights[cell]! += weight
  }

  /** Notes where the reflectance of a cell would fall below 0: there is no more aerosol above it than that. */
  bound(cell: number, blue: Responses): void {
    const at = cell * N
    if (Number.isNaN(blue[at]!)) return
    for (let k = 1; k < N; k++) {
      const [v, w] = [blue[at + k - 1]!, blue[at + k]!]
      if (w >= 0) continue
      const part = v <= 0 ? 0 : v / (v - w)
      this.most[cell] = COST_AOT[k - 1]! + part * (COST_AOT[k]! - COST_AOT[k - 1]!)
      return
    }
  }
}

export interface Least {
  readonly aot: number
  /** Sum of weighted squares there. */
  readonly cost: number
}

/** Where a cost is least within [low, high]; a cost is a parabola between two AOTs of COST_AOT. `prior`: adds weight x (AOT - value)^2. */
export function leastCost(
  cost: ArrayLike<number>,
  low: number,
  high: number,
  prior: { readonly value: number; readonly weight: number } | null,
): Least {
  let least: Least = { aot: low, cost: Infinity }
  for (let k = 0; k + 1 < N; k++) {
    const [from, to] = [COST_AOT[k]!, COST_AOT[k + 1]!]
    if (to < low || from > high) continue
    const width = to - from
    const w = prior === null ? 0 : prior.weight
    const off = prior === null ? 0 : from - prior.value
    // F(t) = f + g t + c t^2 for t in [0, 1], the prior included.
    const c = cost[N + k]! + w * width * width
    const f = cost[k]! + w * off * off
    const g = cost[k + 1]! - cost[k]! - cost[N + k]! + 2 * w * off * width
    const best = c > 0 ? -g / (2 * c) : g > 0 ? 0 : 1
    const t = Math.min(Math.max(best, (low - from) / width, 0), (high - from) / width, 1)
    const value = f + g * t + c * t * t
    if (value < least.cost) least = { aot: from + t * width, cost: value }
  }
  return least
}

/** How strongly a cost depends on AOT at a place, per unit of weight: the mean of (d residual / d AOT)^2. */
export function sharpness(cost: ArrayLike<number>, weight: number, aot: number): number {
  const { k, width } = costInterval(aot)
  return cost[N + k]! / width ** 2 / weight
}

/** The interval of COST_AOT in which an AOT lies, the first or last for those beyond: the number of its lower end, its width, and how far up the AOT is, 0..1 within. */
export function costInterval(aot: number): {
  readonly k: number
  readonly width: number
  readonly share: number
} {
  let k = 0
  while (k < N - 2 && aot >= COST_AOT[k + 1]!) k++
  const width = COST_AOT[k + 1]! - COST_AOT[k]!
  return { k, width, share: (aot - COST_AOT[k]!) / width }
}
