/**
 * How far errors of heights go together: the distance at which their correlation has fallen to 5 %, m. Not told by any model of heights; the longest of the scenarios of Oksanen and Sarjakoski (2005), and about half of the square that the plane is laid
 * through, so on the safe side for it: errors of slopes are largest where that distance is as long as the square.
 */
export const ERROR_RANGE_M = 120
/** Gaussian correlation exp(-(r / L)^2), 5 % at sqrt(3) L. */
const LENGTH_M = ERROR_RANGE_M / Math.sqrt(3)

/** Variances, unit 1, that errors of heights leave in one component of a slope (dz/dx or dz/dy). */
export interface SlopeErrors {
  /** Of the slope between the neighbours. */
  readonly neighbours: number
  /** Of the slope of the plane. */
  readonly plane: number
  /** Covariance of both. */
  readonly together: number
  /** Mean square of what errors alone depart from the plane by, over their variance: below 1, because the plane goes along with errors that go together. */
  readonly departure: number
  /** Standard deviation of that mean square from window to window, over its mean. */
  readonly chance: number
}

export interface SlopeWindow {
  readonly pixelM: number
  /** Pixels around one that the plane is laid through. */
  readonly reach: number
  /** Standard deviation of heights, m. */
  readonly errorM: number
}

/**
 * Variances of slopes that are sums of heights: sum over i, j of a_i b_j errorM^2 rho(distance), as Oksanen and Sarjakoski (2005, Computers & Geosciences 31(8), 1015-1027) propagate errors of heights that go together. Between neighbours a is
 * +-1 / (2 pixelM); the plane of least squares has x_i / (pixelM sum of x^2) over (2 reach + 1)^2 heights. By symmetry both components have the same variance, and no covariance.
 */
export function slopeErrorsOf({ pixelM, reach, errorM }: SlopeWindow): SlopeErrors {
  const squares = ((2 * reach + 1) ** 2 * reach * (reach + 1)) / 3
  const neighbours = [-1, 1].map((x) => ({ x, y: 0, weight: x / (2 * pixelM) }))
  const side = Array.from({ length: 2 * reach + 1 }, (_, i) => i - reach)
  const plane = side.flatMap((y) => side.map((x) => ({ x, y, weight: x / (pixelM * squares) })))
  const rho = (x: number, y: number) => Math.exp(-(x * x + y * y) * (pixelM / LENGTH_M) ** 2)
  const covariance = (a: typeof plane, b: typeof plane) => {
    let sum = 0
    for (const p of a) for (const q of b) sum += p.weight * q.weight * rho(p.x - q.x, p.y - q.y)
    return errorM ** 2 * sum
  }
  return {
    neighbours: covariance(neighbours, neighbours),
    plane: covariance(plane, plane),
    together: covariance(neighbours, plane),
    ...departureOf(plane, rho),
  }
}

/** Of normal errors, whose squares sum up to the trace of their covariance C with a variance of 2 trace(C^2): C is what is left of their correlation without mean and slopes. */
function departureOf(
  places: readonly { readonly x: number; readonly y: number }[],
  rho: (x: number, y: number) => number,
): Pick<SlopeErrors, 'departure' | 'chance'> {
  const n = places.length
  const left = Float64Array.from({ length: n * n }, (_, i) => {
    const [p, q] = [places[Math.floor(i / n)]!, places[i % n]!]
    return rho(p.x - q.x, p.y - q.y)
  })
  for (const part of [() => 1, ({ x }: { x: number }) => x, ({ y }: { y: number }) => y]) {
    const raw = places.map(part)
    const norm = Math.hypot(...raw)
    const unit = raw.map((value) => value / norm)
    const along = unit.map((_, i) => unit.reduce((sum, u, k) => sum + u * left[i * n + k]!, 0))
    const both = unit.reduce((sum, u, i) => sum + u * along[i]!, 0)
    for (let i = 0; i < n; i++)
      for (let k = 0; k < n; k++)
        left[i * n + k]! += unit[i]! * unit[k]! * both - unit[i]! * along[k]! - along[i]! * unit[k]!
  }
  const trace = places.reduce((sum, _, i) => sum + left[i * n + i]!, 0)
  const squares = left.reduce((sum, value) => sum + value * value, 0)
  return { departure: trace / (n - 3), chance: Math.sqrt(2 * squares) / trace }
}

/**
 * Variance of a component of the slope that was taken, by the `smoothness` that the kernel tells, [256]. Heights depart from the plane by d times the variance of their errors; the slope is w that of the plane and 1 - w that of the neighbours, w = min(1, 1 / d), after Lee
 * (1980, IEEE TPAMI 2(2), 165-168). Of d, errors make `departure`, and one standard deviation more by chance; the rest is ground that the plane rounds off, whose slopes are taken to vary as those of errors do: Q = N (d / departure - 1 - chance), not below 0, with N, P, C of `SlopeErrors`. So
 * what is left is w^2 P + (1 - w)^2 N + 2 w (1 - w) C + w^2 Q.
 */
export function slopeVariances(errors: SlopeErrors): Float64Array {
  const { neighbours, plane, together, departure, chance } = errors
  return Float64Array.from({ length: 256 }, (_, smoothness) => {
    if (smoothness === 0) return neighbours
    const d = 255 / smoothness - 1
    const w = Math.min(1, 1 / d)
    const rounded = neighbours * Math.max(0, d / departure - 1 - chance)
    return w * w * (plane + rounded) + (1 - w) ** 2 * neighbours + 2 * w * (1 - w) * together
  })
}
