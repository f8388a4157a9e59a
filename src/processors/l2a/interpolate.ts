/** Interpolation on ascending axes. Results go into objects that the caller keeps: these run some ten million times a tile. */

/** Value = (1 - fraction) * [index] + fraction * [index + 1]; fraction 0 where the axis has one value. */
export interface Bracket {
  index: number
  fraction: number
}

export const newBracket = (): Bracket => ({ index: 0, fraction: 0 })

/** Where `x` lies on an ascending axis; beyond it, its end. */
export function bracketOf(axis: ArrayLike<number>, x: number, out: Bracket): Bracket {
  const last = axis.length - 1
  let index = 0
  while (index < last - 1 && x >= axis[index + 1]!) index++
  out.index = index
  out.fraction =
    last === 0 ? 0 : Math.min(Math.max((x - axis[index]!) / (axis[index + 1]! - axis[index]!), 0), 1)
  return out
}

/** The same on the axis 0, 1, ... last. */
export function bracketOfIndex(at: number, last: number, out: Bracket): Bracket {
  const clamped = Math.min(Math.max(at, 0), last)
  out.index = Math.min(Math.floor(clamped), Math.max(0, last - 1))
  out.fraction = clamped - out.index
  return out
}

/** Value = sum over i < count of weights[i] * [first + i]. */
export interface Lagrange {
  first: number
  count: number
  readonly weights: Float64Array
}

/**
 * Weights of a parabola through the axis's value below `x` (or the first), the next and the one before it (or after): continuous over the whole axis. A line where there
 * are two values, the value where there is one. Beyond the axis, its end.
 */
export function lagrangeOf(axis: ArrayLike<number>, x: number, out: Lagrange): Lagrange {
  const n = axis.length
  const { weights } = out
  if (n < 3) {
    out.first = 0
    out.count = n
    const t = n === 1 ? 0 : Math.min(Math.max((x - axis[0]!) / (axis[1]! - axis[0]!), 0), 1)
    weights[0] = 1 - t
    weights[1] = t
    return out
  }
  const at = Math.min(Math.max(x, axis[0]!), axis[n - 1]!)
  let low = 0
  while (low < n - 2 && at >= axis[low + 1]!) low++
  const first = Math.max(0, low - 1)
  const a = axis[first]!
  const b = axis[first + 1]!
  const c = axis[first + 2]!
  out.first = first
  out.count = 3
  weights[0] = ((at - b) * (at - c)) / ((a - b) * (a - c))
  weights[1] = ((at - a) * (at - c)) / ((b - a) * (b - c))
  weights[2] = ((at - a) * (at - b)) / ((c - a) * (c - b))
  return out
}

export const newLagrange = (): Lagrange => ({ first: 0, count: 1, weights: new Float64Array(3) })

/** Four weights that interpolate by a cubic through four neighbouring nodes, and the first of these. */
export interface CubicWeights {
  first: number
  readonly weights: Float64Array
}

export const newCubic = (): CubicWeights => ({ first: 0, weights: new Float64Array(4) })

/**
 * Lagrange's cubic at `x` through the two nodes on either side (at the ends the outermost four), written into `out`. Continuous over the nodes.
 * @param nodes ascending, at least four; `x` outside takes the nearer end.
 */
export function lagrange4(nodes: ArrayLike<number>, value: number, out: CubicWeights): void {
  const count = nodes.length
  const x = Math.min(Math.max(value, nodes[0] ?? NaN), nodes[count - 1] ?? NaN)
  let first = 0
  while (first < count - 4 && x > (nodes[first + 2] ?? Infinity)) first++
  const a = nodes[first] ?? NaN
  const b = nodes[first + 1] ?? NaN
  const c = nodes[first + 2] ?? NaN
  const d = nodes[first + 3] ?? NaN
  const [xa, xb, xc, xd] = [x - a, x - b, x - c, x - d]
  out.first = first
  const w = out.weights
  w[0] = (xb * xc * xd) / ((a - b) * (a - c) * (a - d))
  w[1] = (xa * xc * xd) / ((b - a) * (b - c) * (b - d))
  w[2] = (xa * xb * xd) / ((c - a) * (c - b) * (c - d))
  w[3] = (xa * xb * xc) / ((d - a) * (d - b) * (d - c))
}
