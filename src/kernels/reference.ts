/**
 * Plain TypeScript of the kernels, for tests: the same arithmetic step by step (Math.fround where the kernel holds float32),
 * so that results are compared byte by byte.
 */
import type { Window } from '../domain/grid.js'
import type { Axes, Plane } from './addon.js'
import type { CompositeDate, CompositeState } from './composite.js'
import type { CorrectReflectanceArgs } from './correct-reflectance.js'
import type { NormalizedDifferenceArgs } from './normalized-difference.js'
import type { BytePlane } from './or-flags.js'

const f = Math.fround
const clamp01 = (v: number) => (v > 0 ? (v < 1 ? v : 1) : 0)

/** Cell of a node axis and the fraction within it, as float32 counted from the first pixel of the cell. */
function locate(pixel: number, nodes: number, x0: number, dx: number): { index: number; fraction: number } {
  const index = Math.min(Math.max(Math.floor(x0 + dx * pixel), 0), nodes - 2)
  let origin = Math.ceil((index - x0) / dx)
  while (x0 + dx * (origin - 1) >= index) origin--
  while (x0 + dx * origin < index) origin++
  const f0 = f(x0 + dx * origin - index)
  return { index, fraction: clamp01(f(f0 + f(f(pixel - origin) * f(dx)))) }
}

const mix = (a: number, b: number, t: number) => f(a + f(t * f(b - a)))

function pressureAt(
  grid: NonNullable<CorrectReflectanceArgs['pressure']>,
  column: number,
  row: number,
): number {
  const x = locate(column, grid.columns, grid.axes.x0, grid.axes.dx)
  const y = locate(row, grid.rows, grid.axes.y0, grid.axes.dy)
  const node = (r: number, c: number) => grid.hpa[(y.index + r) * grid.columns + x.index + c]!
  const left = mix(node(0, 0), node(1, 0), y.fraction)
  const right = mix(node(0, 1), node(1, 1), y.fraction)
  return f(left + f(x.fraction * f(right - left)))
}

export function correctReflectancePlain(args: CorrectReflectanceArgs): void {
  const { window, table, pressure } = args
  const nodes = table.nodeHpa.length
  const scale = f(1 / f(args.quantification))
  for (let i = 0; i < window.width * window.height; i++) {
    const column = window.x + (i % window.width)
    const row = window.y + Math.floor(i / window.width)
    const dn = args.dn[i]!
    const detector = args.detector[i]!
    const slot = detector === 0 ? 255 : table.slotOfDetector[detector]!
    const saturated = dn === 65535 ? 2 : 0
    if (slot >= table.slots) {
      args.out[i] = -32768
      args.flags[i] = 1 | saturated | (dn === 0 ? 0 : 8)
      continue
    }
    const x = locate(column, table.columns, table.axes.x0, table.axes.dx)
    const y = locate(row, table.rows, table.axes.y0, table.axes.dy)
    const at = (p: number, r: number, c: number, k: number) =>
      table.coefficients[
        (((slot * nodes + p) * table.rows + y.index + r) * table.columns + x.index + c) * 3 + k
      ]!
    const edge = (p: number, c: number, k: number) => mix(at(p, 0, c, k), at(p, 1, c, k), y.fraction)
    // Of the last interval of pressure that does not begin above the pixel's own, or the first.
    const hpa = nodes > 1 && pressure ? pressureAt(pressure, column, row) : NaN
    let p = 0
    while (p + 2 < nodes && hpa >= table.nodeHpa[p + 1]!) p++
    const inverse = f(1 / f(table.nodeHpa[p + 1]! - table.nodeHpa[p]!))
    const t = clamp01(f(f(hpa - table.nodeHpa[p]!) * inverse))
    const value = [0, 1, 2].map((k) => {
      const slope = f(edge(p, 1, k) - edge(p, 0, k))
      const lower = f(edge(p, 0, k) + f(x.fraction * slope))
      if (Number.isNaN(hpa)) return lower
      const rise = f(edge(p + 1, 0, k) - edge(p, 0, k))
      const twist = f(f(edge(p + 1, 1, k) - edge(p, 1, k)) - rise)
      return f(lower + f(t * f(rise + f(x.fraction * twist))))
    })
    const [a, b, s] = value as [number, number, number]
    const rho = f(f(dn + f(args.offset)) * scale)
    const reduced = f(f(a * rho) - b)
    const v = f(f(reduced / f(1 + f(s * reduced))) * 10000)
    const cut = Math.max(Math.min(v, 32767), -32767)
    const good = dn !== 0 && !Number.isNaN(v)
    args.out[i] = good ? Math.trunc(f(cut + (cut < 0 ? -0.5 : 0.5))) : -32768
    args.flags[i] = (good ? 0 : 1) | saturated | (good && cut !== v ? 4 : 0)
  }
}

/** Mean of 2 x 2 valid pixels, halves away from zero. */
export function halveMeanPlain(input: Plane<Int16Array>, noData: number, out: Plane<Int16Array>): void {
  for (let y = 0; y < out.height; y++)
    for (let x = 0; x < out.width; x++) {
      let sum = 0
      let count = 0
      for (const [r, c] of [
        [2 * y, 2 * x],
        [2 * y, 2 * x + 1],
        [2 * y + 1, 2 * x],
        [2 * y + 1, 2 * x + 1],
      ] as const) {
        if (r >= input.height || c >= input.width) continue
        const value = input.pixels[(input.start ?? 0) + r * input.stride + c]!
        if (value === noData) continue
        sum += value
        count++
      }
      const mean = count === 0 ? noData : Math.sign(sum) * Math.floor(Math.abs(sum) / count + 0.5)
      out.pixels[(out.start ?? 0) + y * out.stride + x] = mean
    }
}

export function orFlagsPlain(mask: Uint16Array, window: Window, plane: BytePlane, bitsOf: Uint16Array): void {
  const near = (p: number, x0: number, dx: number, size: number) =>
    Math.min(Math.max(Math.floor(x0 + dx * p), 0), size - 1)
  const axes: Axes = plane.axes
  for (let i = 0; i < window.width * window.height; i++) {
    const column = near(window.x + (i % window.width), axes.x0, axes.dx, plane.columns)
    const row = near(window.y + Math.floor(i / window.width), axes.y0, axes.dy, plane.rows)
    mask[i]! |= bitsOf[plane.bytes[row * plane.columns + column]!]!
  }
}

/** In whole numbers: twice the remainder is compared with the divisor, so no rounding of a quotient enters. */
export function normalizedDifferencePlain({ a, b, noData, minSum, out }: NormalizedDifferenceArgs): void {
  for (let i = 0; i < out.length; i++) {
    const [x, y] = [Math.max(a[i]!, 0), Math.max(b[i]!, 0)]
    const sum = x + y
    if (a[i] === noData || b[i] === noData || sum < minSum) {
      out[i] = noData
      continue
    }
    const scaled = 10_000 * Math.abs(x - y)
    const whole = (scaled - (scaled % sum)) / sum
    const size = 2 * (scaled % sum) >= sum ? whole + 1 : whole
    out[i] = x < y ? -size : size
  }
}

export function leastOfFourPlain(plane: Uint8Array, width: number, height: number, out: Uint8Array): void {
  const columns = Math.ceil(width / 2)
  out.forEach((_, i) => {
    const [x, y] = [2 * (i % columns), 2 * Math.floor(i / columns)]
    const rows = [y, Math.min(y + 1, height - 1)]
    out[i] = Math.min(
      ...rows.flatMap((r) => [plane[r * width + x]!, plane[r * width + Math.min(x + 1, width - 1)]!]),
    )
  })
}

export function compositeAddPlain(date: CompositeDate, state: CompositeState): void {
  const { n, bands } = state
  for (let i = 0; i < n; i++) {
    const values = Array.from({ length: bands }, (_, b) => date.pixels[b * n + i]!)
    const found = values.includes(date.noData) ? 0 : date.classes[i]!
    date.classes[i] = found
    if (found === 0 || found < state.rank[i]!) continue
    if (found > state.rank[i]!) {
      for (const sum of [state.count, state.weight, state.day]) sum[i] = 0
      for (let b = 0; b < bands; b++) state.sums[b * n + i] = 0
      state.rank[i] = found
    }
    state.count[i]! += 1
    state.weight[i]! += date.weight
    state.day[i]! += date.weight * date.day
    values.forEach((value, b) => (state.sums[b * n + i]! += date.weight * value))
  }
}

/** In whole numbers of any size. */
export function compositeDividePlain(
  sum: Float64Array,
  weight: Float64Array,
  divisor: number,
  noData: number,
  out: Int16Array,
): void {
  out.forEach((_, i) => {
    const [s, w] = [BigInt(sum[i]!), BigInt(weight[i]!) * BigInt(divisor)]
    const size = s < 0n ? -s : s
    out[i] = w === 0n ? noData : Number((s < 0n ? -1n : 1n) * ((2n * size + w) / (2n * w)))
  })
}
