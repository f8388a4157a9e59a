import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ProcessingError } from '../../../src/domain/errors.js'
import type { AtmosphereInput } from '../../../src/processors/l2a/atmosphere.js'
import {
  closedForms,
  rayleighOpticalDepth,
  rayleighPhase,
  scatteringCosine,
  sobolevPath,
  sphericalAlbedo,
  totalTransmittance,
  type Scatterers,
} from '../../../src/processors/l2a/closed-forms.js'
import { AEROSOL_MODELS, L2A_BANDS } from '../../../src/processors/l2a/definition.js'

const number = (min: number, max: number) => fc.double({ min, max, noNaN: true })
/** All that the parameters and the angle grids allow. */
const anyInput: fc.Arbitrary<AtmosphereInput> = fc.record({
  platform: fc.constantFrom('S2A' as const, 'S2B' as const, 'S2C' as const),
  band: fc.constantFrom(...L2A_BANDS),
  sunZenithDeg: number(0, 80),
  viewZenithDeg: number(0, 15),
  relativeAzimuthDeg: number(-360, 360),
  aot550: number(0, 2),
  wv: number(0, 8),
  ozone: number(100, 600),
  pressureHpa: number(300, 1080),
  aerosol: fc.constantFrom(...AEROSOL_MODELS),
})
const surface = (toa: number, c: ReturnType<typeof closedForms.bandCoefficients>) => {
  const y = (toa - c.gasPath) / (c.gasTransmittance * c.transmittance)
  return y / (1 + c.sphericalAlbedo * y)
}
const air = (tau: number, phase: number): Scatterers => ({
  tauRayleigh: tau,
  tauAerosol: 0,
  albedo: 0.9,
  asymmetry: 0.65,
  aerosolPhase: 0.2,
  rayleighPhase: phase,
})

describe('scattering angle', () => {
  test('is 180 degrees with the sensor beneath the sun and 180 - 2 x 30 where the sun is mirrored', () => {
    const mu = Math.cos(Math.PI / 6)
    expect(scatteringCosine(mu, mu, 0)).toBeCloseTo(-1, 12)
    expect(scatteringCosine(mu, mu, 180)).toBeCloseTo(-Math.cos(Math.PI / 3), 12)
    expect(scatteringCosine(mu, 1, 77)).toBeCloseTo(-mu, 12)
  })

  test('does not jump where azimuths pass north', () => {
    expect(scatteringCosine(0.7, 0.98, 359 - 2)).toBeCloseTo(scatteringCosine(0.7, 0.98, -1 - 2), 12)
  })
})

describe('molecules', () => {
  test('phase function averages to 1 over the sphere', () => {
    // Simpson over cos = -1, 0, 1 is exact for a quadratic: (P(-1) + 4 P(0) + P(1)) / 6 = 1.
    expect((rayleighPhase(-1) + 4 * rayleighPhase(0) + rayleighPhase(1)) / 6).toBeCloseTo(1, 12)
  })

  test('optical depth at 550 nm is 0.0973 (Hansen and Travis 1974)', () => {
    // 0.008569 / 0.55^4 = 0.093644; 1 + 0.0113/0.3025 + 0.00013/0.091506 = 1.038776; product 0.097275.
    expect(rayleighOpticalDepth(0.55)).toBeCloseTo(0.097275, 6)
  })
})

describe('path reflectance of eq. 5', () => {
  test('is tau P / (4 mu_s mu_v) in a thin layer', () => {
    const [muSun, muView, phase] = [0.8, 0.95, 1.2]
    const tau = 1e-4
    const thin = (tau * phase) / (4 * muSun * muView)
    // Multiple scattering is of the next order in tau.
    expect(sobolevPath(muSun, muView, air(tau, phase)) / thin).toBeCloseTo(1, 3)
  })

  test('is 0 without air', () => {
    expect(sobolevPath(0.7, 0.9, air(0, 1.1))).toBe(0)
  })

  test('one value worked by hand: tau 0.5 of air, sun and sensor in the zenith', () => {
    // R(1) = 2.5 - 0.5 e^-0.5 = 2.196735; R^2 = 4.825643; / (4 + 1.5) = 0.877390.
    // (3 - 4 + 1.5)(1 - e^-1) / 8 = 0.5 x 0.632121 / 8 = 0.039508. 1 - 0.877390 + 0.039508 = 0.162118.
    expect(sobolevPath(1, 1, air(0.5, 1.5))).toBeCloseTo(0.162118, 5)
  })
})

describe('transmittance and albedo', () => {
  test('are 1 and 0 without scatterers', () => {
    expect(totalTransmittance(0.6, air(0, 1))).toBe(1)
    expect(sphericalAlbedo(air(0, 1))).toBe(0)
  })

  test('fall and rise with aerosol', () => {
    fc.assert(
      fc.property(
        number(0.17, 1),
        number(0, 0.25),
        number(0, 2),
        number(0.05, 0.5),
        (mu, tauRayleigh, low, more) => {
          const thin = { ...air(tauRayleigh, 1), tauAerosol: low }
          const thick = { ...thin, tauAerosol: low + more }
          expect(totalTransmittance(mu, thick)).toBeLessThan(totalTransmittance(mu, thin))
          expect(sphericalAlbedo(thick)).toBeGreaterThanOrEqual(sphericalAlbedo(thin) - 1e-12)
        },
      ),
    )
  })
})

describe('coefficients over all parameters and geometries', () => {
  test('are numbers in their ranges', () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        const c = closedForms.bandCoefficients(input)
        for (const [name, value] of Object.entries(c)) expect(Number.isFinite(value), name).toBe(true)
        for (const t of [c.transmittanceDown, c.transmittanceUp, c.transmittance, c.gasTransmittance]) {
          expect(t).toBeGreaterThan(0)
          expect(t).toBeLessThanOrEqual(1)
        }
        expect(c.sphericalAlbedo).toBeGreaterThanOrEqual(0)
        expect(c.sphericalAlbedo).toBeLessThan(0.5)
        expect(c.rayleighReflectance).toBeGreaterThanOrEqual(0)
        expect(c.gasPath).toBeGreaterThanOrEqual(0)
        expect(c.pathReflectance).toBeLessThan(1)
        expect(c.gasPath).toBeLessThanOrEqual(Math.max(c.pathReflectance, c.rayleighReflectance) + 1e-12)
      }),
      { numRuns: 3000 },
    )
  })

  test('give a surface reflectance that grows with the reflectance at the sensor', () => {
    fc.assert(
      fc.property(anyInput, number(-0.05, 1.2), number(1e-4, 0.3), (input, toa, more) => {
        const c = closedForms.bandCoefficients(input)
        // Below -1/S the equation has its pole; no measured reflectance comes near.
        if ((toa - c.gasPath) * c.sphericalAlbedo <= -0.5 * c.gasTransmittance * c.transmittance) return
        expect(surface(toa + more, c)).toBeGreaterThan(surface(toa, c))
      }),
    )
  })

  test('do not change by whole turns or the mirror image of the azimuth', () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        const c = closedForms.bandCoefficients(input)
        const a = input.relativeAzimuthDeg
        for (const relativeAzimuthDeg of [a + 360, a - 360, -a])
          expect(closedForms.bandCoefficients({ ...input, relativeAzimuthDeg }).gasPath).toBeCloseTo(
            c.gasPath,
            10,
          )
      }),
    )
  })

  test('less air, vapour or ozone passes more light', () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        const c = closedForms.bandCoefficients(input)
        const through = (changed: Partial<AtmosphereInput>) => {
          const d = closedForms.bandCoefficients({ ...input, ...changed })
          return d.gasTransmittance * d.transmittance
        }
        const now = c.gasTransmittance * c.transmittance
        expect(through({ pressureHpa: input.pressureHpa * 0.9 })).toBeGreaterThanOrEqual(now)
        expect(through({ wv: input.wv / 2 })).toBeGreaterThanOrEqual(now)
        expect(through({ ozone: input.ozone / 2 })).toBeGreaterThanOrEqual(now)
      }),
    )
  })
})

test('a band without a table is refused with the known ones named', () => {
  const input: AtmosphereInput = {
    platform: 'L8',
    band: 'B10',
    sunZenithDeg: 30,
    viewZenithDeg: 5,
    relativeAzimuthDeg: 90,
    aot550: 0.1,
    wv: 2,
    ozone: 300,
    pressureHpa: 1013,
    aerosol: 'continental',
  }
  expect(() => closedForms.bandCoefficients(input)).toThrow(ProcessingError)
  expect(() => closedForms.bandCoefficients(input)).toThrow(/'B10' of 'L8'.*B01, B02/)
})
