import { expect, test } from 'vitest'
import { slopes, SLOPE_SCALE } from '../../../src/kernels/ground.js'
import { ERROR_RANGE_M, slopeErrorsOf, slopeVariances } from '../../../src/processors/l2a/slope-error.js'

const window = { pixelM: 20, reach: 6, errorM: 2 }

test('by hand: neighbours 40 m apart, errors that are 5 % alike over 120 m', () => {
  const alike = Math.exp(-3 * (40 / ERROR_RANGE_M) ** 2)
  const errors = slopeErrorsOf(window)
  expect(errors.neighbours).toBeCloseTo((2 * 4 * (1 - alike)) / 40 ** 2, 12)
  expect(errors.plane).toBeLessThan(errors.neighbours / 5)
  // On a square of 3 x 3 pixels the plane is the mean of the neighbours' slopes in three rows.
  const small = slopeErrorsOf({ ...window, reach: 1 })
  expect(small.plane).toBeLessThan(small.neighbours)
  expect(small.together).toBeGreaterThan(small.plane)
  expect(slopeErrorsOf({ ...window, errorM: 0 })).toMatchObject({ neighbours: 0, plane: 0, together: 0 })
})

/** Normal numbers under a Gaussian, so that their correlation is exp(-(r / length)^2), standard deviation `errorM`. */
function heightsOf(side: number, lengthPx: number, errorM: number, seed: number): Float32Array {
  let state = seed
  const uniform = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
  const reach = Math.ceil(2 * lengthPx)
  const weights = Array.from({ length: 2 * reach + 1 }, (_, i) =>
    Math.exp(-2 * ((i - reach) / lengthPx) ** 2),
  )
  const squares = weights.reduce((sum, w) => sum + w * w, 0)
  const wide = side + 2 * reach
  const noise = Float64Array.from({ length: wide * wide }, () =>
    Array.from({ length: 12 }, uniform).reduce((a, b) => a + b, -6),
  )
  const rows = Float64Array.from({ length: wide * side }, (_, i) =>
    weights.reduce((sum, w, k) => sum + w * noise[Math.floor(i / side) * wide + (i % side) + k]!, 0),
  )
  return Float32Array.from({ length: side * side }, (_, i) =>
    weights.reduce(
      (sum, w, k) => sum + (w * rows[(Math.floor(i / side) + k) * side + (i % side)]! * errorM) / squares,
      0,
    ),
  )
}

test('slopes of level ground under such errors depart as it says, and those of rough ground by how far they depart from the plane', () => {
  const [side, length] = [240, ERROR_RANGE_M / Math.sqrt(3) / window.pixelM]
  const inner = side - 2 * window.reach
  const error = heightsOf(side, length, window.errorM, 7)
  const of = (heights: Float32Array, errorM: number) => {
    const east = new Int16Array(inner * inner)
    const smoothness = new Uint8Array(inner * inner)
    const rows = { rows: side, columns: side, firstRow: 0, lastRow: inner }
    const { pixelM, reach } = window
    slopes({
      heights,
      ...rows,
      pixelM,
      reach,
      errorM,
      east,
      north: new Int16Array(inner * inner),
      smoothness,
    })
    return { east: Float64Array.from(east, (value) => value / SLOPE_SCALE), smoothness }
  }
  const variance = (values: Float64Array) => values.reduce((sum, v) => sum + v * v, 0) / values.length
  const errors = slopeErrorsOf(window)
  const variances = slopeVariances(errors)
  expect(variances[0]).toBe(errors.neighbours)
  expect(variances[255]).toBeCloseTo(errors.plane, 12)
  const exact = of(error, 0)
  expect(new Set(exact.smoothness)).toEqual(new Set([0]))
  expect(variance(exact.east) / errors.neighbours).toBeCloseTo(1, 0.5)
  expect(variance(of(error, 1000).east) / errors.plane).toBeCloseTo(1, 0.5)
  // Ground that is smooth, half as rough as its errors, as rough, twice as rough.
  for (const roughM of [0, 1, 2, 4]) {
    const ground = heightsOf(side, length, roughM, 99)
    const truth = of(ground, 0).east
    const seen = of(
      ground.map((z, i) => z + error[i]!),
      window.errorM,
    )
    const left = variance(seen.east.map((slope, i) => slope - truth[i]!))
    const said = seen.smoothness.reduce((sum, smooth) => sum + variances[smooth]!, 0) / truth.length
    expect(said / left, `${roughM} m`).toBeGreaterThan(0.45)
    expect(said / left, `${roughM} m`).toBeLessThan(1.7)
  }
})
