import { expect, test } from 'vitest'
import { castShadows, meansAround, slopes, SLOPE_SCALE } from '../../src/kernels/ground.js'
import { direction, gridConvergence, directionAt } from '../../src/processors/l2a/sun-direction.js'
import { fillUnknown, surroundingKernel } from '../../src/processors/l2a/surroundings.js'

const RADIAN = Math.PI / 180

test('high ground shades what lies behind its edge as far as geometry says, whatever the azimuth', () => {
  const [side, pixelM, edgeM] = [201, 20, 400]
  for (const azimuthDeg of [0, 45, 120, 200, 300]) {
    // High ground toward the sun from a line through the middle on.
    const to = direction(60, azimuthDeg, 0)
    const tangent = Math.hypot(to.east, to.north)
    const [ux, uy] = [to.east / tangent, to.north / tangent]
    const along = Float64Array.from({ length: side * side }, (_, i) => {
      const [x, y] = [((i % side) - 100) * pixelM, (100 - Math.floor(i / side)) * pixelM]
      return x * ux + y * uy
    })
    const heights = Float32Array.from(along, (d) => (d > 0 ? edgeM : 0))
    const hidden = new Uint8Array(side * side)
    const corners = (value: number) => Float32Array.from([value, value, value, value])
    const args = {
      ...{ heights, rows: side, columns: side, pixelM },
      ...{ sunEast: corners(to.east), sunNorth: corners(to.north), toleranceM: 1 },
    }
    castShadows({ ...args, hidden, firstRow: 0, lastRow: side })
    // tan 60 degrees x 400 m behind the edge; the two pixels at either end are not judged: the edge is a slope between two pixels.
    const reach = edgeM * Math.tan(60 * RADIAN)
    const wrong = along.reduce((count, d, i) => {
      const [x, y] = [(i % side) - 100, 100 - Math.floor(i / side)]
      const isJudged = Math.hypot(x, y) < 50 && Math.abs(d) > 2 * pixelM && Math.abs(-d - reach) > 2 * pixelM
      return count + Number(isJudged && (hidden[i] === 1) !== (d < 0 && -d < reach))
    }, 0)
    expect(wrong, `azimuth ${azimuthDeg}`).toBe(0)
  }
})

test('slopes of a plane are those of the plane, and too steep ones are cut', () => {
  const plane = Float32Array.from({ length: 30 }, (_, i) => 2.5 * 10 * (i % 6) - 90 * Math.floor(i / 6))
  for (const errorM of [0, 3]) {
    const [east, north] = [new Int16Array(12), new Int16Array(12)]
    const rows = { rows: 5, columns: 6, firstRow: 0, lastRow: 3 }
    slopes({ heights: plane, ...rows, pixelM: 10, reach: 1, errorM, east, north })
    expect([...east]).toEqual(Array(12).fill(2.5 * SLOPE_SCALE))
    expect([...north]).toEqual(Array(12).fill(32767))
  }
})

test('slopes come from a plane where heights are no rougher than their error, from the neighbours where they are, and rows apart give what the whole gives', () => {
  const [side, reach, pixelM] = [60, 6, 20]
  const inner = side - 2 * reach
  const of = (heights: Float32Array, errorM: number, step = inner) => {
    const [east, north] = [new Int16Array(inner * inner), new Int16Array(inner * inner)]
    for (let firstRow = 0; firstRow < inner; firstRow += step) {
      const rows = { rows: side, columns: side, firstRow, lastRow: Math.min(inner, firstRow + step) }
      slopes({ heights, ...rows, pixelM, reach, errorM, east, north })
    }
    return { east, north }
  }
  let seed = 5
  const noise = Float32Array.from({ length: side * side }, () => {
    let sum = -6
    for (let i = 0; i < 12; i++) sum += (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647
    return 5 * sum
  })
  const slope = noise.map((z, i) => z + 0.3 * pixelM * (i % side) + 900)
  const spread = (values: Int16Array) => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    return [mean, Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length)].map(
      (value) => value / SLOPE_SCALE,
    )
  }
  // Of four neighbours 5 sqrt(2) / 40; of a plane 5 / sqrt(sum of x^2 over 13 x 13 pixels), 5 / (20 sqrt(2366)).
  const [byNeighbours, byPlane] = [spread(of(slope, 0).east), spread(of(slope, 6).east)]
  expect(byNeighbours[0]).toBeCloseTo(0.3, 2)
  expect(byNeighbours[1]).toBeCloseTo((5 * Math.SQRT2) / 40, 2)
  expect(byPlane[0]).toBeCloseTo(0.3, 2)
  expect(byPlane[1]).toBeLessThan(0.007)
  // A ridge is 60 times as rough as an error of 1 m: its flanks keep their slopes up to the crest.
  const ridge = Float32Array.from(noise, (_, i) => -0.8 * pixelM * Math.abs((i % side) - 29.5))
  const flank = (errorM: number) => of(ridge, errorM).east[20 * inner + 27 - reach]! / SLOPE_SCALE
  expect(flank(0)).toBeCloseTo(0.8, 3)
  expect(flank(1)).toBeGreaterThan(0.75)
  expect(flank(100)).toBeLessThan(0.45)
  expect(of(slope, 3, 7)).toEqual(of(slope, 3))
})

test('means around leave out what is not known, and rows apart give what the whole gives', () => {
  const { radius, weights } = surroundingKernel(240).near
  expect([radius, weights.length]).toEqual([10, 441])
  expect(weights[220]).toBeGreaterThan(weights[221]!)
  const values = Float32Array.from({ length: 40 * 50 }, (_, i) => (i % 7 === 0 ? NaN : 0.3))
  const whole = new Float32Array(values.length)
  const common = { values, rows: 40, columns: 50, weights, radius }
  meansAround({ ...common, out: whole, firstRow: 0, lastRow: 40 })
  for (const mean of whole) expect(mean).toBeCloseTo(0.3, 6)
  const parts = new Float32Array(values.length)
  for (let row = 0; row < 40; row += 7)
    meansAround({ ...common, out: parts, firstRow: row, lastRow: Math.min(40, row + 7) })
  expect(parts).toEqual(whole)
  expect(surroundingKernel(20_000)).toMatchObject({ nearShare: 1, near: { radius: 0 }, far: { radius: 0 } })
})

test('cells around which nothing is known get the mean, and nothing known at all says so', () => {
  const values = Float32Array.from([0.1, NaN, 0.3])
  expect(fillUnknown(values)).toBe(true)
  expect(values[1]).toBeCloseTo(0.2, 6)
  expect(fillUnknown(Float32Array.from([NaN]))).toBe(false)
})

test('the grid of a zone turns away from north beside its meridian', () => {
  expect(gridConvergence(32631, 3, 45)).toBe(0)
  // (0 - 3) degrees x sin 45 degrees, nearly.
  expect(gridConvergence(32631, 0, 45)).toBeCloseTo(-2.12, 2)
  expect(gridConvergence(32731, 6, -45)).toBeCloseTo(-2.12, 2)
  expect(gridConvergence(32601, 179.5, 60)).toBeCloseTo(
    Math.atan(Math.tan(-3.5 * RADIAN) * Math.sin(60 * RADIAN)) / RADIAN,
    6,
  )
  expect(gridConvergence(3035, 10, 52)).toBe(0)
  // Where grid north lies west of true north, the sun of the south stands farther west by the grid.
  expect(direction(45, 180, -2).east).toBeLessThan(0)
})

test('the sun between the nodes of its angles', () => {
  const sun = {
    ...{ ulx: 0, uly: 0, stepXM: 5000, stepYM: 5000, rows: 2, cols: 2 },
    zenith: Float64Array.from([30, 40, 30, 40]),
    azimuth: Float64Array.from([90, 90, 90, 90]),
  }
  const tangents = [30, 40].map((zenith) => Math.tan(zenith * RADIAN))
  expect(directionAt(sun, 2500, -1000, 0).east).toBeCloseTo((tangents[0]! + tangents[1]!) / 2, 12)
  expect(directionAt(sun, -9000, 9000, 0).east).toBeCloseTo(tangents[0]!, 12)
  expect(directionAt(sun, 9000, -9000, 0).east).toBeCloseTo(tangents[1]!, 12)
})
