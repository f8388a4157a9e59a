import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { correct, shippedModel } from '../../../bench/accuracy-measures.js'
import { AEROSOL_MODELS } from '../../../src/domain/aerosol-mix.js'
import { ProcessingError } from '../../../src/domain/errors.js'
import type { AtmosphereInput } from '../../../src/processors/l2a/atmosphere.js'
import { shippedResponse } from '../../../src/processors/l2a/band-integration.js'
import { L2A_BANDS } from '../../../src/domain/band-choice.js'
import { rayleighPhase, scatteringCosine, tableModel } from '../../../src/processors/l2a/table-model.js'
import { shippedAtmosphereTable } from '../../../src/runner/rt/atmosphere-table.js'

const number = (min: number, max: number) => fc.double({ min, max, noNaN: true })
/** All that the parameters and the angle grids allow. */
const anyInput: fc.Arbitrary<AtmosphereInput> = fc.record({
  platform: fc.constantFrom('S2A' as const, 'S2B' as const, 'S2C' as const),
  band: fc.constantFrom(...L2A_BANDS),
  sunZenithDeg: number(0, 80),
  viewZenithDeg: number(0, 18),
  relativeAzimuthDeg: number(-360, 360),
  aot550: number(0, 2),
  wv: number(0, 8),
  ozone: number(100, 600),
  pressureHpa: number(310, 1080),
  aerosol: fc.constantFrom(...AEROSOL_MODELS, 'continental:0.6,maritime:0.4'),
})
const input: AtmosphereInput = {
  platform: 'S2A',
  band: 'B02',
  sunZenithDeg: 40,
  viewZenithDeg: 6,
  relativeAzimuthDeg: 60,
  aot550: 0.2,
  wv: 2,
  ozone: 300,
  pressureHpa: 1013.25,
  aerosol: 'continental',
}
const INPUT_KEYS = Object.keys(input) as (keyof AtmosphereInput)[]
const model = shippedModel()
const at = (over: Partial<AtmosphereInput>) => model.bandCoefficients({ ...input, ...over })

describe('scattering angle and molecules', () => {
  test('180 degrees with the sensor beneath the sun, 180 - 2 x 30 where the sun is mirrored', () => {
    const mu = Math.cos(Math.PI / 6)
    expect(scatteringCosine(mu, mu, 0)).toBeCloseTo(-1, 12)
    expect(scatteringCosine(mu, mu, 180)).toBeCloseTo(-Math.cos(Math.PI / 3), 12)
    expect(scatteringCosine(0.7, 0.98, 359 - 2)).toBeCloseTo(scatteringCosine(0.7, 0.98, -1 - 2), 12)
  })

  test('phase function of air averages to 1 over the sphere', () => {
    // Simpson over cos = -1, 0, 1 is exact for a quadratic: (P(-1) + 4 P(0) + P(1)) / 6 = 1.
    const p = (cosine: number) => rayleighPhase(0.0279, cosine)
    expect((p(-1) + 4 * p(0) + p(1)) / 6).toBeCloseTo(1, 12)
  })
})

describe('coefficients over all parameters and geometries', () => {
  test('are numbers in their ranges', () => {
    fc.assert(
      fc.property(anyInput, (any) => {
        const c = model.bandCoefficients(any)
        for (const [name, value] of Object.entries(c)) expect(Number.isFinite(value), name).toBe(true)
        for (const t of [c.transmittanceDown, c.transmittanceUp, c.transmittance, c.gasTransmittance]) {
          expect(t).toBeGreaterThan(0)
          expect(t).toBeLessThanOrEqual(1)
        }
        expect(c.directDown).toBeLessThanOrEqual(c.transmittanceDown)
        expect(c.directUp).toBeLessThanOrEqual(c.transmittanceUp)
        expect(c.sphericalAlbedo).toBeGreaterThanOrEqual(0)
        expect(c.sphericalAlbedo).toBeLessThan(0.5)
        expect(c.rayleighReflectance).toBeGreaterThan(0)
        expect(c.gasPath).toBeGreaterThanOrEqual(0)
        expect(c.pathReflectance).toBeLessThan(1)
      }),
      { numRuns: 3000 },
    )
  })

  test('give a surface reflectance that grows with the reflectance at the sensor', () => {
    fc.assert(
      fc.property(anyInput, number(-0.05, 1.2), number(1e-4, 0.3), (any, toa, more) => {
        const c = model.bandCoefficients(any)
        // Below -1/S the equation has its pole; no measured reflectance comes near.
        if ((toa - c.gasPath) * c.sphericalAlbedo <= -0.5 * c.gasTransmittance * c.transmittance) return
        expect(correct(toa + more, c)).toBeGreaterThan(correct(toa, c))
      }),
    )
  })

  test('do not change by whole turns or the mirror image of the azimuth', () => {
    fc.assert(
      fc.property(anyInput, (any) => {
        const { gasPath } = model.bandCoefficients(any)
        const a = any.relativeAzimuthDeg
        for (const relativeAzimuthDeg of [a + 360, a - 360, -a])
          expect(model.bandCoefficients({ ...any, relativeAzimuthDeg }).gasPath).toBeCloseTo(gasPath, 10)
      }),
    )
  })

  test('less air or aerosol passes more light', () => {
    fc.assert(
      fc.property(anyInput, (any) => {
        const { transmittance } = model.bandCoefficients(any)
        for (const less of [{ pressureHpa: any.pressureHpa * 0.9 }, { aot550: any.aot550 * 0.8 }])
          // Float32 nodes: seven digits.
          expect(model.bandCoefficients({ ...any, ...less }).transmittance).toBeGreaterThanOrEqual(
            transmittance - 1e-6,
          )
      }),
    )
  })

  test('do not depend on what was asked before', () => {
    fc.assert(
      fc.property(anyInput, anyInput, fc.subarray(INPUT_KEYS), (first, other, changed) => {
        const second = Object.fromEntries(
          INPUT_KEYS.map((key) => [key, (changed.includes(key) ? other : first)[key]]),
        ) as unknown as AtmosphereInput
        // Asked after another band and aerosol, after the first, and twice in the same object.
        const fresh = [at({}), model.bandCoefficients(second)][1]
        model.bandCoefficients(first)
        expect(model.bandCoefficients(second)).toEqual(fresh)
        const same = { ...first }
        model.bandCoefficients(same)
        expect(model.bandCoefficients(Object.assign(same, second))).toEqual(fresh)
      }),
      { numRuns: 300 },
    )
  })

  test('run on smoothly over every node of the table', () => {
    const nodes = {
      sunZenithDeg: [8, 40, 63, 76],
      viewZenithDeg: [6, 12],
      aot550: [0.05, 0.3, 0.8],
      pressureHpa: [0.73 * 1013.25],
    }
    for (const [name, values] of Object.entries(nodes))
      for (const value of values) {
        const [below, above] = [at({ [name]: value - 1e-7 }), at({ [name]: value + 1e-7 })]
        for (const key of ['pathReflectance', 'transmittance', 'sphericalAlbedo'] as const)
          expect(Math.abs(below[key] - above[key]), `${name} ${value} ${key}`).toBeLessThan(1e-6)
      }
  })
})

describe('aerosols', () => {
  test('without any, all models are air', () => {
    const air = at({ aot550: 0 })
    expect(air.pathReflectance).toBeCloseTo(air.rayleighReflectance, 9)
    for (const aerosol of AEROSOL_MODELS)
      expect(at({ aot550: 0, aerosol }).pathReflectance).toBeCloseTo(air.pathReflectance, 6)
  })

  test('soot makes urban air darker than continental, and desert dust is brightest in the red', () => {
    const path = (aerosol: string) => at({ aerosol, band: 'B04', aot550: 0.4 }).pathReflectance
    expect(path('urban')).toBeLessThan(path('continental'))
    expect(path('desert')).toBeGreaterThan(path('continental'))
  })

  test('a mix lies between its parts, and with one part it is that part', () => {
    const [a, b] = [at({ aerosol: 'continental', aot550: 0.4 }), at({ aerosol: 'maritime', aot550: 0.4 })]
    const mixed = at({ aerosol: 'continental:0.7,maritime:0.3', aot550: 0.4 })
    for (const key of ['transmittance', 'opticalDepth', 'sphericalAlbedo'] as const) {
      expect(mixed[key]).toBeGreaterThan(Math.min(a[key], b[key]))
      expect(mixed[key]).toBeLessThan(Math.max(a[key], b[key]))
    }
    expect(at({ aerosol: 'maritime:1', aot550: 0.4 }).pathReflectance).toBeCloseTo(b.pathReflectance, 12)
  })
})

describe('spectral responses', () => {
  test('of the product hold where it states them', () => {
    const blue = shippedResponse('S2A', 'B02')
    const shifted = new Map([['B02', { ...blue, startNm: blue.startNm + 5 }]])
    const own = tableModel(shippedAtmosphereTable(), shifted)
    // Air scatters like the fourth power of the wavelength: 5 nm of 492 are 4 %.
    const ratio = own.bandCoefficients({ ...input, aot550: 0 }).opticalDepth / at({ aot550: 0 }).opticalDepth
    expect(ratio).toBeCloseTo(1 - (4 * 5) / 492, 2)
    expect(own.bandCoefficients({ ...input, band: 'B04' })).toEqual(at({ band: 'B04' }))
  })

  test('of S2C and OLI-2 are their own', () => {
    const path = (platform: AtmosphereInput['platform']) => at({ platform }).pathReflectance
    // 3.4 nm: 2 to 3 % of the path in B02.
    expect(path('S2C') / path('S2A')).toBeGreaterThan(1.015)
    expect(path('L9')).not.toBe(path('L8'))
  })

  test('a band without any is refused with the known ones named', () => {
    expect(() => at({ platform: 'L8', band: 'B10' })).toThrow(ProcessingError)
    expect(() => at({ platform: 'L8', band: 'B10' })).toThrow(/'B10' of 'L8'.*B01, B02/)
  })
})
