import fc from 'fast-check'
import { expect, test } from 'vitest'
import { S2_PLATFORMS } from '../../../src/domain/sentinel2.js'
import type { AtmosphereInput } from '../../../src/processors/l2a/atmosphere.js'
import { shippedModel } from '../../../bench/accuracy-measures.js'
import { L2A_BANDS } from '../../../src/domain/band-choice.js'
import {
  MAX_PRESSURE_NODES,
  PRESSURE_STEP_HPA,
  pressureAtAltitude,
  pressureNodes,
} from '../../../src/processors/l2a/pressure.js'

test('pressure follows the US standard atmosphere 1962', () => {
  // Tabulated: 898.76 hPa at 1 km, 540.48 at 5 km, 308.00 at 9 km; the fit is within 0.1 %.
  expect(pressureAtAltitude(0)).toBe(1013.25)
  expect(pressureAtAltitude(1000) / 898.76).toBeCloseTo(1, 3)
  expect(Math.abs(pressureAtAltitude(5000) / 540.48 - 1)).toBeLessThan(0.001)
  expect(pressureAtAltitude(9000) / 308.0).toBeCloseTo(1, 2)
})

test('impossible heights take the nearer end and unknown ones sea level', () => {
  expect(pressureAtAltitude(-32768)).toBe(pressureAtAltitude(-500))
  expect(pressureAtAltitude(1e9)).toBe(pressureAtAltitude(9000))
  expect(pressureAtAltitude(NaN)).toBe(1013.25)
})

test('nodes ascend, enclose the range, and are as few as the step allows', () => {
  expect(pressureNodes(12, 12)).toEqual([pressureAtAltitude(12)])
  const height = fc.double({ min: -500, max: 9000, noNaN: true })
  fc.assert(
    fc.property(height, height, (a, b) => {
      const nodes = pressureNodes(a, b)
      expect(nodes.length).toBeLessThanOrEqual(MAX_PRESSURE_NODES)
      expect(nodes).toEqual(pressureNodes(b, a))
      if (nodes.length === 1) return
      const [low, high] = [pressureAtAltitude(Math.max(a, b)), pressureAtAltitude(Math.min(a, b))]
      expect(nodes[0]).toBeCloseTo(low, 9)
      expect(nodes.at(-1)).toBeCloseTo(high, 9)
      nodes.forEach((p, i) => {
        if (i > 0) expect(p).toBeGreaterThan(nodes[i - 1]!)
      })
      // One interval less would be wider than the step.
      if (nodes.length > 2) expect((high - low) / (nodes.length - 2)).toBeGreaterThan(PRESSURE_STEP_HPA)
    }),
  )
})

/** Largest error of the surface reflectance midway between nodes `stepHpa` apart, and where. */
function worstLinearError(stepHpa: number, states: Partial<AtmosphereInput>[]): number {
  let worst = 0
  for (const platform of S2_PLATFORMS)
    for (const band of L2A_BANDS)
      for (const state of states)
        for (const pressureHpa of [1040, 900, 700, 560]) {
          const at = (p: number) => {
            const c = shippedModel().bandCoefficients({
              platform,
              band,
              sunZenithDeg: 40,
              viewZenithDeg: 8,
              relativeAzimuthDeg: 60,
              aot550: 0.1,
              wv: 2,
              ozone: 300,
              aerosol: 'continental',
              ...state,
              pressureHpa: p,
            })
            const gain = 1 / (c.gasTransmittance * c.transmittance)
            return { c, values: [gain, gain * c.gasPath, c.sphericalAlbedo] as const }
          }
          const [low, exact, high] = [
            at(pressureHpa - stepHpa / 2),
            at(pressureHpa),
            at(pressureHpa + stepHpa / 2),
          ]
          for (const rho of [0.02, 0.2, 0.5]) {
            const toa =
              exact.c.gasPath +
              (exact.c.gasTransmittance * exact.c.transmittance * rho) / (1 - exact.c.sphericalAlbedo * rho)
            const [gain, path, albedo] = [0, 1, 2].map((k) => (low.values[k]! + high.values[k]!) / 2) as [
              number,
              number,
              number,
            ]
            const y = gain * toa - path
            worst = Math.max(worst, Math.abs(y / (1 + albedo * y) - rho))
          }
        }
  return worst
}

test('between two nodes, coefficients linear in pressure cost less than 1e-4 of reflectance', () => {
  const states = [20, 45, 70].flatMap((sunZenithDeg) =>
    [0, 2, 4].flatMap((wv) => [0.05, 0.5].map((aot550) => ({ sunZenithDeg, wv, aot550 }))),
  )
  const worst = worstLinearError(PRESSURE_STEP_HPA, states)
  expect(worst).toBeLessThan(1e-4)
  // The step is not needlessly small: with the double, the bound is missed.
  expect(worstLinearError(2 * PRESSURE_STEP_HPA, states)).toBeGreaterThan(1e-4)
})

test('the widest step, over more than 5 km of relief, stays within 3e-4 at 2 g/cm2', () => {
  expect(
    worstLinearError(
      48,
      [20, 45, 70].map((sunZenithDeg) => ({ sunZenithDeg, wv: 2 })),
    ),
  ).toBeLessThan(3e-4)
})
