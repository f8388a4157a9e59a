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
  const [a, b, c] = [axis[first]!, axis[first + 1]!, axis[first + 2]!]
  out.first = first
  out.count = 3
  weights[0] = ((at - b) * (at - c)) / ((a - b) * (a - c))
  weights[1] = ((at - a) * (at - c)) / ((b - a) * (b - c))
  weights[2] = ((at - a) * (at - b)) / ((c - a) * (c - b))
  return out
}

export const newLagrange = (): Lagrange => ({ first: 0, count: 1, weights: new Float64Array(3) })
