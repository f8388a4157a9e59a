import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { shippedModel } from '../../../bench/accuracy-measures.js'
import { followPhotons, particlesOf } from '../../../bench/monte-carlo.js'
import type { AerosolModel } from '../../../src/domain/aerosol-mix.js'
import { readAerosolOptics, rayleighOpticalDepth } from '../../../src/runner/rt/plan.js'

const OPTICS = join(resolve(import.meta.dirname, '../../..'), 'config/rt/aerosol-optics.json')
/** A node of the optics' table in the middle of OLI's near infrared. */
const UM = 0.86

test('the table of the atmosphere agrees with photons that are followed one by one through the same particles', async () => {
  const optics = await readAerosolOptics(OPTICS)
  const tauRayleigh = rayleighOpticalDepth(UM)
  const states: readonly (readonly [AerosolModel, number, number])[] = [
    ...([
      ['continental', 0.8, 20],
      ['maritime', 0.8, 60],
    ] as const),
    ...([
      ['desert', 0.4, 40],
      ['continental-average', 1.2, 60],
    ] as const),
  ]
  for (const [model, aot550, sunZenithDeg] of states) {
    const { extinction, albedo, phase } = particlesOf(optics, model, UM)
    const column = { tauRayleigh, tauAerosol: aot550 * extinction, ssa: albedo, phase }
    const { reflectance, error } = followPhotons(column, sunZenithDeg, 300_000)
    const { pathReflectance } = shippedModel().bandCoefficients({
      ...{ platform: 'L8', band: 'B05', sunZenithDeg, viewZenithDeg: 0, relativeAzimuthDeg: 0, aot550 },
      ...{ wv: 1, ozone: 300, pressureHpa: 1013.25, aerosol: model },
    })
    // Three standard errors; half a percent for the band's width and what polarisation does in the near infrared.
    expect(error, model).toBeLessThan(0.01 * reflectance)
    expect(
      Math.abs(pathReflectance - reflectance),
      `${model} ${pathReflectance} ${reflectance}`,
    ).toBeLessThan(3 * error + 0.005 * reflectance)
  }
})

test('photons: the more is absorbed the less is seen, the same seed gives the same number', async () => {
  const optics = await readAerosolOptics(OPTICS)
  const { phase } = particlesOf(optics, 'continental', UM)
  const of = (ssa: number) => followPhotons({ tauRayleigh: 0, tauAerosol: 0.5, ssa, phase }, 40, 20_000)
  expect(of(0).reflectance).toBe(0)
  expect(of(1).reflectance).toBeGreaterThan(of(0.8).reflectance)
  expect(of(1)).toEqual(of(1))
  // Its integral over the sphere is 1, straight on included.
  expect(phase.ahead + phase.integral.at(-1)!).toBeCloseTo(1, 9)
})
