import { expect, test } from 'vitest'
import { ProcessingError } from '../../../src/domain/errors.js'
import { gasTransmittance } from '../../../src/processors/l2a/gas.js'
import { BAND_GASES } from '../../../src/processors/l2a/tables/gas-absorption.js'

const state = { airMass: 2.305, wv: 2, ozone: 300, pressureRatio: 1 }

test('ozone in B03 at 300 DU, worked by hand', () => {
  // exp(-0.0906783 x (2.305 x 0.3)^0.9991) = exp(-0.0906783 x 0.691730) = 0.939204; 40 DU more cost 0.8 %.
  const { ozone } = gasTransmittance('S2A', 'B03', state)
  expect(ozone).toBeCloseTo(0.939204, 5)
  const more = gasTransmittance('S2A', 'B03', { ...state, ozone: 340 }).ozone
  expect(1 - more / ozone).toBeCloseTo(0.008, 3)
})

test('water vapour at sun zenith 40 and nadir is that of the reference note, to its three digits', () => {
  // Section 3: transmittance at 1 and 3 g/cm2.
  const published = {
    B04: [0.988, 0.971],
    B05: [0.955, 0.898],
    B06: [0.949, 0.885],
    B07: [0.985, 0.966],
    B08: [0.929, 0.87],
    B8A: [0.9985, 0.996],
    B09: [0.239, 0.094],
    B11: [0.997, 0.991],
    B12: [0.951, 0.901],
  }
  for (const [band, values] of Object.entries(published))
    for (const [i, wv] of [1, 3].entries())
      expect(
        Math.abs(gasTransmittance('S2A', band, { ...state, wv }).water - values[i]!),
        `${band} ${wv}`,
      ).toBeLessThan(0.0007)
})

test('dry air absorbs no vapour, and a band without a gas passes all of it', () => {
  expect(gasTransmittance('S2A', 'B08', { ...state, wv: 0 })).toMatchObject({ water: 1, halfWater: 1 })
  expect(gasTransmittance('S2A', 'B01', state)).toMatchObject({ water: 1, halfWater: 1, other: 1 })
})

test('at 1 km six tenths of the sea-level vapour absorb, less where lines are strong, and nearly all ozone', () => {
  const ratio = 902 / 1013.25
  /** Share of the vapour that absorbs alike at sea level, found by halving. */
  const effective = (band: string) => {
    const high = gasTransmittance('S2A', band, { ...state, pressureRatio: ratio }).water
    let [low, top] = [0, state.wv]
    for (let i = 0; i < 50; i++) {
      const wv = (low + top) / 2
      if (gasTransmittance('S2A', band, { ...state, wv }).water > high) low = wv
      else top = wv
    }
    return low / state.wv
  }
  // By the profile 0.61; measured on the rows of 6S.
  expect(effective('B03')).toBeCloseTo(0.615, 2)
  expect(effective('B8A')).toBeCloseTo(0.594, 2)
  expect(effective('B09')).toBeCloseTo(0.556, 2)
  const o3 = (pressureRatio: number) =>
    Math.log(gasTransmittance('S2A', 'B03', { ...state, pressureRatio }).ozone)
  expect(o3(ratio) / o3(1)).toBeCloseTo(0.9913, 4)
})

test('half the vapour absorbs less than all and more than the square root of all', () => {
  const { water, halfWater } = gasTransmittance('S2B', 'B12', state)
  // ln T grows slower than the amount, so half the amount takes more than half of ln T.
  expect(halfWater).toBeGreaterThan(water)
  expect(halfWater).toBeLessThan(Math.sqrt(water))
})

test('more vapour never passes more light, from a trace to more than there ever is', () => {
  for (const [platform, bands] of Object.entries(BAND_GASES))
    for (const band of Object.keys(bands)) {
      let before = 1
      for (let wv = 0.001; wv < 10; wv *= 1.3) {
        const { water } = gasTransmittance(platform as 'S2A', band, { ...state, airMass: 6.8, wv })
        expect(water, `${platform} ${band} ${wv}`).toBeLessThanOrEqual(before)
        before = water
      }
    }
})

test('a band without coefficients is refused with the known ones named', () => {
  expect(() => gasTransmittance('L8', 'B10', state)).toThrow(ProcessingError)
  expect(() => gasTransmittance('L8', 'B10', state)).toThrow(/'B10' of 'L8'.*B01, B02/)
})
