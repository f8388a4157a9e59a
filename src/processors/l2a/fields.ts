/** Fields on regular grids, row-major, NaN where nothing is known. All pure. */
export interface Field {
  readonly width: number
  readonly height: number
  readonly values: Float32Array
}

/** Radii of the windows from which holes are filled, cells: the nearest values count first. */
const FILL_RADII = [2, 4, 8, 16]

/** Sums and numbers of the known values above and left of each corner: any window's mean in four look-ups. */
class WindowMeans {
  private readonly sums: Float64Array
  private readonly counts: Int32Array
  private readonly stride: number

  constructor(private readonly field: Field) {
    const { width, height, values } = field
    this.stride = width + 1
    this.sums = new Float64Array(this.stride * (height + 1))
    this.counts = new Int32Array(this.sums.length)
    for (let y = 0; y < height; y++) {
      let [sum, count] = [0, 0]
      for (let x = 0; x < width; x++) {
        const value = values[y * width + x]!
        if (!Number.isNaN(value)) {
          sum += value
          count++
        }
        const at = (y + 1) * this.stride + x + 1
        this.sums[at] = this.sums[at - this.stride]! + sum
        this.counts[at] = this.counts[at - this.stride]! + count
      }
    }
  }

  /** NaN where nothing in the window is known. */
  mean(x: number, y: number, radius: number): number {
    const { width, height } = this.field
    const [left, right] = [Math.max(0, x - radius), Math.min(width, x + radius + 1)]
    const [top, bottom] = [
      Math.max(0, y - radius) * this.stride,
      Math.min(height, y + radius + 1) * this.stride,
    ]
    const over = (of: Float64Array | Int32Array) =>
      of[bottom + right]! - of[bottom + left]! - of[top + right]! + of[top + left]!
    const count = over(this.counts)
    return count === 0 ? NaN : over(this.sums) / count
  }
}

/** Fills holes with the mean of the known values in the least of windows of radius 2, 4, 8, 16 that holds one; farther from any they stay NaN. */
export function fillHoles(field: Field): Float32Array {
  const means = new WindowMeans(field)
  return field.values.map((value, i) => {
    if (!Number.isNaN(value)) return value
    const [x, y] = [i % field.width, Math.floor(i / field.width)]
    for (const radius of FILL_RADII) {
      const mean = means.mean(x, y, radius)
      if (!Number.isNaN(mean)) return mean
    }
    return NaN
  })
}

/** Smooths by a Gaussian cut at three standard deviations; beyond the edges and in holes nothing counts, and holes stay holes. @param sigma cells, above 0. */
export function smooth({ width, height, values }: Field, sigma: number): Float32Array {
  const reach = Math.ceil(3 * sigma)
  const kernel = Float64Array.from({ length: 2 * reach + 1 }, (_, i) =>
    Math.exp(-((i - reach) ** 2) / (2 * sigma ** 2)),
  )
  const n = values.length
  const known = Float64Array.from(values, (v) => (Number.isNaN(v) ? 0 : 1))
  const pass = (of: Float64Array, step: number, length: number): Float64Array => {
    const out = new Float64Array(n)
    for (let i = 0; i < n; i++) {
      const at = Math.floor(i / step) % length
      let sum = 0
      for (let k = Math.max(-reach, -at); k <= Math.min(reach, length - 1 - at); k++)
        sum += kernel[k + reach]! * of[i + k * step]!
      out[i] = sum
    }
    return out
  }
  const both = (of: Float64Array) => pass(pass(of, 1, width), width, height)
  const sums = both(Float64Array.from(values, (v) => (Number.isNaN(v) ? 0 : v)))
  const weights = both(known)
  return Float32Array.from(values, (v, i) => (Number.isNaN(v) ? NaN : sums[i]! / weights[i]!))
}

/** NaN where one is, or there is none. */
export const meanOf = (values: Float32Array): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

/** The middle one of the known values, the lower of two; NaN where there is none. */
export function medianOf(values: ArrayLike<number>): number {
  const known = Float64Array.from(values).filter((v) => !Number.isNaN(v))
  known.sort()
  return known.length === 0 ? NaN : known[(known.length - 1) >> 1]!
}

/** 1 at every cell within `radius` (a square) of one that is not 0. */
export function dilate(mask: Uint8Array, width: number, height: number, radius: number): Uint8Array {
  const along = (from: Uint8Array, step: number, length: number) => {
    const out = new Uint8Array(from.length)
    for (let i = 0; i < from.length; i++) {
      if (from[i] === 0) continue
      const at = Math.floor(i / step) % length
      for (let k = Math.max(-radius, -at); k <= Math.min(radius, length - 1 - at); k++) out[i + k * step] = 1
    }
    return out
  }
  return along(along(mask, 1, width), width, height)
}
