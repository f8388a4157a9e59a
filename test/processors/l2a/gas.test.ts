import { expect, test } from 'vitest'
import { bandOptics } from '../../../src/processors/l2a/closed-forms.js'
import { gasTransmittance } from '../../../src/processors/l2a/gas.js'

const state = { airMass: 2.305, wv: 2, ozone: 300, pressureRatio: 1 }

test('ozone in B03 at 300 DU, worked by hand', () => {
  // exp(-0.0906783 x (2.305 x 0.3)^0.9991) = exp(-0.0906783 x 0.691730) = 0.939204; 40 DU more cost 0.8 %.
  const { ozone } = gasTransmittance(bandOptics('S2A', 'B03'), state)
  expect(ozone).toBeCloseTo(0.939204, 5)
  const more = gasTransmittance(bandOptics('S2A', 'B03'), { ...state, ozone: 340 }).ozone
  expect(1 - more / ozone).toBeCloseTo(0.008, 3)
})

test('water vapour at sun zenith 40 and nadir has the magnitudes of the reference note', () => {
  // Section 3: transmittance at 1 and 3 g/cm2, given to three digits from 6S; the power law is up to .005 off.
  const published = {
    B04: [0.988, 0.971],
    B05: [0.955, 0.898],
    B06: [0.949, 0.885],
    B08: [0.929, 0.87],
    B12: [0.951, 0.901],
  }
  for (const [band, values] of Object.entries(published))
    for (const [i, wv] of [1, 3].entries())
      expect(
        Math.abs(gasTransmittance(bandOptics('S2A', band), { ...state, wv }).water - values[i]!),
        `${band} ${wv}`,
      ).toBeLessThan(0.006)
})

test('dry air absorbs no vapour, and a band without a gas passes all of it', () => {
  expect(gasTransmittance(bandOptics('S2A', 'B08'), { ...state, wv: 0 })).toMatchObject({
    water: 1,
    halfWater: 1,
  })
  expect(gasTransmittance(bandOptics('S2A', 'B01'), state)).toMatchObject({
    water: 1,
    halfWater: 1,
    other: 1,
  })
})

test('at 1 km less than six tenths of the sea-level vapour absorb, and nearly all ozone', () => {
  const optics = bandOptics('S2A', 'B8A')
  const ratio = 902 / 1013.25
  const [low, high] = [
    gasTransmittance(optics, state),
    gasTransmittance(optics, { ...state, pressureRatio: ratio }),
  ]
  // ln T goes with U^n.
  const [, n] = optics.h2o
  expect((Math.log(high.water) / Math.log(low.water)) ** (1 / n)).toBeCloseTo(0.562, 3)
  const ozone = bandOptics('S2A', 'B03')
  const o3 = (pressureRatio: number) => Math.log(gasTransmittance(ozone, { ...state, pressureRatio }).ozone)
  expect(o3(ratio) / o3(1)).toBeCloseTo(0.9913, 4)
})

test('half the vapour absorbs less than all and more than the square root of all', () => {
  const { water, halfWater } = gasTransmittance(bandOptics('S2B', 'B12'), state)
  // ln T grows slower than the amount (n < 1), so half the amount takes more than half of ln T.
  expect(halfWater).toBeGreaterThan(water)
  expect(halfWater).toBeLessThan(Math.sqrt(water))
})
