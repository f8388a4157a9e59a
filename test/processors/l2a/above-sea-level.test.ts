import { expect, test } from 'vitest'
import { aboveSeaLevel, vapourAboveGround } from '../../../src/processors/l2a/above-sea-level.js'
import { waterShareAbove } from '../../../src/processors/l2a/gas.js'
import { pressureAtAltitude, SEA_LEVEL_HPA } from '../../../src/processors/l2a/pressure.js'

const air = { wv: 1.5, aot: 0.2, ozone: 300, aerosol: null }
const at = (...altitudes: number[]) => Float32Array.from(altitudes, pressureAtAltitude)

test('columns above the ground of a forecast become those above sea level, so that they come back at that ground', () => {
  const high = aboveSeaLevel(air, at(2000, 2000))
  expect(high.wv! * waterShareAbove(pressureAtAltitude(2000) / SEA_LEVEL_HPA)).toBeCloseTo(1.5, 4)
  expect(high.wv).toBeGreaterThan(3)
  expect(high.aot! * Math.exp(-1)).toBeCloseTo(0.2, 4)
  expect(high.ozone).toBe(300)
  // The ground of a model is smooth: half at the sea and half at 2 km is about 1 km.
  const mixed = aboveSeaLevel(air, at(0, 2000))
  expect(mixed.wv).toBeGreaterThan(1.5)
  expect(mixed.wv).toBeLessThan(high.wv!)
})

test('at sea level nothing changes, what is not told stays so, and columns stay in the range of the parameters', () => {
  const flat = aboveSeaLevel(air, at(0))
  expect([flat.wv, flat.aot]).toEqual([expect.closeTo(1.5, 5), expect.closeTo(0.2, 5)])
  const nothing = { wv: null, aot: null, ozone: null, aerosol: null }
  expect(aboveSeaLevel(nothing, at(1500))).toEqual(nothing)
  expect(aboveSeaLevel({ ...air, wv: 6, aot: 1 }, at(5000))).toMatchObject({ wv: 8, aot: 2 })
})

test('vapour above the ground of each cell is what a forecast would tell there', () => {
  const pressureHpa = at(0, 500, 1000, 2000)
  const told = vapourAboveGround({ wv: Float32Array.of(2, 2, 2, 2), pressureHpa })
  expect(told[0]).toBeCloseTo(2, 5)
  // Mid-latitude summer: 0.78, 0.61 and 0.35 of the column lie above 0.5, 1 and 2 km.
  for (const [i, share] of [0.78, 0.61, 0.35].entries()) expect(told[i + 1]! / 2).toBeCloseTo(share, 1)
  for (const [i, wv] of told.entries())
    expect(aboveSeaLevel({ ...air, wv }, pressureHpa.slice(i, i + 1)).wv).toBeCloseTo(2, 4)
})
