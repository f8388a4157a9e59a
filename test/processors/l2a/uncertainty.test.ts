import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { shippedModel } from '../../../bench/accuracy-measures.js'
import { AEROSOL_MODELS, parseAerosolMix } from '../../../src/domain/aerosol-mix.js'
import type { BandNoise, L1SceneBand } from '../../../src/domain/l1-scene.js'
import { sigmaByNodes } from '../../../src/kernels/sigma-by-nodes.js'
import { slotTable } from '../../../src/kernels/correct-reflectance.js'
import { airErrorsOf, otherAerosols, type OtherAerosol } from '../../../src/processors/l2a/air-errors.js'
import { aotAxis, vapourAxis } from '../../../src/processors/l2a/axes.js'
import { BandTable } from '../../../src/processors/l2a/band-table.js'
import { l2a, optionalLayers } from '../../../src/processors/l2a/definition.js'
import type { FoundAtmosphere } from '../../../src/processors/l2a/found-atmosphere.js'
import { shippedNoise } from '../../../src/processors/l2a/noise.js'
import { nodeGrid } from '../../../src/processors/l2a/nodes.js'
import { buildVariancePlanes, VARIANCE_TERMS } from '../../../src/processors/l2a/uncertainty.js'
import { noiseIn } from '../../../src/products/sentinel2/read-noise.js'
import { cellsGrid, LOOK, S2_IDS, sceneOf, vegetation, type Look } from './air-scene.js'

const SILENT: BandNoise = { constant: 0, slope: 0 }

interface Case {
  readonly band?: string
  readonly aot?: number
  readonly wv?: number
  readonly sigmaAot?: number
  readonly sigmaWv?: number
  readonly others?: readonly OtherAerosol[]
  readonly noise?: BandNoise
  readonly around?: number | null
  readonly hpa?: number
  readonly look?: Look
  readonly isAdjacencyCorrected?: boolean
}

/** The polynomial of the only detector at the first node. */
function polynomialOf({
  band: id = 'B02',
  aot = 0.2,
  wv = 2,
  sigmaAot = 0,
  sigmaWv = 0,
  others = [],
  noise = SILENT,
  around = null,
  hpa = 1013.25,
  look = LOOK,
  isAdjacencyCorrected = false,
}: Case): Float32Array {
  const cells = cellsGrid(6)
  const { scene } = sceneOf(
    cells,
    () => vegetation(0.04),
    () => ({ aot, wv }),
    { look },
  )
  const band = scene.bands.find((one) => one.id === id) as L1SceneBand
  const grid = nodeGrid(cells)
  const field = (value: number) => new Float32Array(grid.width * grid.height).fill(value)
  const tableOf = (aerosol: string) =>
    new BandTable({
      ...{ model: shippedModel(), sensor: 'S2A', band, sun: scene.sun, ozone: 300, aerosol, withLegs: true },
      axes: {
        pressureHpa: [hpa],
        aot: aotAxis(0, 2),
        wv: vapourAxis(Float32Array.of(Math.max(0, wv - sigmaWv), wv + sigmaWv)),
      },
    })
  const { data } = buildVariancePlanes({
    nodes: { grid, aot: field(aot), wv: field(wv), aotIs: 'ground' },
    ...{ sigmaAot: field(sigmaAot), sigmaWv: field(sigmaWv), pressureHpa: field(hpa) },
    ...{ cells, detectors: new Uint32Array(36).fill(2), sun: scene.sun, noise, isAdjacencyCorrected },
    table: tableOf('continental'),
    others: others.map(({ model, ...other }) => ({ table: tableOf(model), ...other })),
    around: around === null ? null : field(around),
    slopedBy: null,
  })
  return data.slice(0, VARIANCE_TERMS)
}
const at = (polynomial: Float32Array, rho: number) =>
  polynomial.reduce((sum, value, k) => sum + value * rho ** k, 0)
const sigmaOf = (what: Case, rho: number) => Math.sqrt(Math.max(0, at(polynomialOf(what), rho)))

/** Surface reflectance of what ground of `rho` shows under one air, corrected with another. */
function seenWith(band: string, rho: number, truth: object, taken: object): number {
  const of = (air: object) =>
    shippedModel().bandCoefficients({
      ...{ platform: 'S2A', band, ...LOOK, ozone: 300, aerosol: 'continental', pressureHpa: 1013.25 },
      ...{ aot550: 0.2, wv: 2, ...air },
    })
  const [a, b] = [of(truth), of(taken)]
  const toa = a.gasPath + (a.gasTransmittance * a.transmittance * rho) / (1 - a.sphericalAlbedo * rho)
  const y = (toa - b.gasPath) / (b.gasTransmittance * b.transmittance)
  return y / (1 + b.sphericalAlbedo * y)
}

describe('standard deviation of surface reflectance', () => {
  test.each(['B02', 'B04', 'B8A', 'B12'])('of %s is what small errors of AOT and vapour do to it', (band) => {
    for (const rho of [0.02, 0.1, 0.4]) {
      const byAot =
        Math.abs(seenWith(band, rho, { aot550: 0.19 }, {}) - seenWith(band, rho, { aot550: 0.21 }, {})) / 2
      expect(sigmaOf({ band, sigmaAot: 0.01 }, rho)).toBeCloseTo(byAot, 5)
      const byWv = Math.abs(seenWith(band, rho, { wv: 1.9 }, {}) - seenWith(band, rho, { wv: 2.1 }, {})) / 2
      expect(Math.abs(sigmaOf({ band, sigmaWv: 0.1 }, rho) - byWv)).toBeLessThan(4e-5)
    }
  })

  test('errors that have nothing to do with each other add up as squares', () => {
    const parts: Case[] = [
      { sigmaAot: 0.05 },
      { sigmaWv: 0.3 },
      { noise: shippedNoise('S2A', 'B02') },
      { others: [{ model: 'urban', aotRatio: 1.2, weight: 0.3 }] },
      { around: 0.1 },
    ]
    const all = Object.assign({}, ...parts) as Case
    for (const rho of [0, 0.05, 0.3]) {
      const sum = parts.reduce((total, part) => total + sigmaOf(part, rho) ** 2, 0)
      expect(Math.abs(sigmaOf(all, rho) ** 2 / sum - 1)).toBeLessThan(1e-4)
    }
  })

  test('of noise alone is the noise at the sensor through the slope of the correction', () => {
    const noise = { constant: 4e-8, slope: 2e-5 }
    const c = shippedModel().bandCoefficients({
      ...{ platform: 'S2A', band: 'B04', ...LOOK, ozone: 300, aerosol: 'continental', pressureHpa: 1013.25 },
      ...{ aot550: 0.2, wv: 2 },
    })
    const mu = Math.cos((LOOK.sunZenithDeg * Math.PI) / 180)
    for (const rho of [0.02, 0.2, 0.6]) {
      const through = c.gasTransmittance * c.transmittance
      const toa = c.gasPath + (through * rho) / (1 - c.sphericalAlbedo * rho)
      // d rho / d rho_toa of rho = y / (1 + S y), y = (rho_toa - path) / T.
      const slope = (1 - c.sphericalAlbedo * rho) ** 2 / through
      const expected = slope * Math.sqrt(noise.constant / mu ** 2 + (noise.slope * toa) / mu)
      expect(sigmaOf({ band: 'B04', noise }, rho) / expected).toBeCloseTo(1, 4)
    }
  })

  test('light from beside counts whole where it was left, and not for ground that is like its surroundings', () => {
    const apart = sigmaOf({ around: 0.3 }, 0.05)
    expect(apart).toBeGreaterThan(0.02)
    expect(sigmaOf({ around: 0.3, isAdjacencyCorrected: true }, 0.05) / apart).toBeCloseTo(0.3, 4)
    expect(sigmaOf({ around: 0.3 }, 0.3)).toBeLessThan(1e-4)
  })

  test('grows with the error of AOT, and is a number for any air, sun and ground', () => {
    fc.assert(
      fc.property(
        fc.record({
          band: fc.constantFrom(...S2_IDS.filter((id) => id !== 'B09')),
          aot: fc.double({ min: 0, max: 1.8, noNaN: true }),
          wv: fc.double({ min: 0, max: 8, noNaN: true }),
          sigmaWv: fc.double({ min: 0, max: 4, noNaN: true }),
          hpa: fc.double({ min: 500, max: 1080, noNaN: true }),
          look: fc.record({
            sunZenithDeg: fc.double({ min: 0, max: 85, noNaN: true }),
            viewZenithDeg: fc.double({ min: 0, max: 18, noNaN: true }),
            relativeAzimuthDeg: fc.double({ min: 0, max: 360, noNaN: true }),
          }),
        }),
        fc.double({ min: 0, max: 1.5, noNaN: true }),
        fc.double({ min: 0.005, max: 0.1, noNaN: true }),
        (air, rho, sigmaAot) => {
          const rest = { ...air, noise: shippedNoise('S2A', air.band), around: 0.2 }
          const [small, large] = [1, 2].map((times) => polynomialOf({ ...rest, sigmaAot: times * sigmaAot }))
          for (const polynomial of [small!, large!]) expect(at(polynomial, rho)).toBeGreaterThan(0)
          // Dark ground: brighter ground may be where more aerosol adds as much light as it takes.
          expect(at(large!, 0.01)).toBeGreaterThan(at(small!, 0.01))
        },
      ),
      { numRuns: 60 },
    )
  })
})

test('pixels take the polynomial of their own detector between nodes, whatever the blocks; no-data stays', () => {
  // Variance of detector 1: 1e-6 at the left node, 4e-6 at the right one; of detector 2: (0.01 rho)^2.
  const coefficients = new Float32Array(2 * 2 * 2 * 5)
  for (const row of [0, 1]) {
    coefficients[row * 10] = 1e-6
    coefficients[row * 10 + 5] = 4e-6
    coefficients[20 + row * 10 + 2] = 1e-4
    coefficients[20 + row * 10 + 7] = 1e-4
  }
  const variance = {
    ...{ slots: slotTable([1, 2]), slotCount: 2, rows: 2, columns: 2, coefficients },
    axes: { x0: 0, dx: 0.25, y0: 0, dy: 1 },
  }
  const pixels = Int16Array.of(500, 500, 500, -32768, 5000, 500)
  const detector = Uint8Array.of(1, 1, 1, 1, 2, 3)
  const run = (x: number, width: number) => {
    const out = new Int16Array(width)
    sigmaByNodes({
      ...{ pixels: pixels.subarray(x, x + width), detector: detector.subarray(x, x + width) },
      ...{ window: { x, y: 0, width, height: 1 }, noData: -32768, variance, out },
    })
    return [...out]
  }
  // sqrt(1e-6 + 3e-6 x / 4) = 0.001, 0.00132, 0.00158; 0.01 * 0.5 = 0.005.
  expect(run(0, 6)).toEqual([10, 13, 16, -32768, 50, -32768])
  expect([...run(0, 2), ...run(2, 4)]).toEqual(run(0, 6))
})

describe('noise', () => {
  test('of a product is read from the metadata of its datastrip', () => {
    const bands = Array.from(
      { length: 13 },
      (_, i) => `
      <Spectral_Band_Information bandId="${i}">
        <PHYSICAL_GAINS geometry="FULL_RESOLUTION" metadataLevel="Standard">4</PHYSICAL_GAINS>
      </Spectral_Band_Information>
      <SOLAR_IRRADIANCE bandId="${i}" unit="W/m²/µm">${(500 * Math.PI).toString()}</SOLAR_IRRADIANCE>
      <Radiometric_Quality bandId="${i}">
        <Noise_Model>
          <ALPHA>0.5</ALPHA>
          <BETA>0.04</BETA>
        </Noise_Model>
      </Radiometric_Quality>`,
    ).join('')
    const noise = noiseIn(`<U>1</U>${bands}`)!
    // 4 x 500 numbers for a reflectance of 1 under an overhead sun.
    expect(noise.get('B8A')!.constant).toBeCloseTo((0.5 / 2000) ** 2, 12)
    expect(noise.get('B8A')!.slope).toBeCloseTo(0.04 / 2000, 12)
    expect(noiseIn(bands)).toBeNull()
    expect(noiseIn(`<U>1</U>${bands.replace('<BETA>0.04</BETA>', '<BETA/>')}`)).toBeNull()
  })

  test('that is shipped: of Sentinel-2 a hundredth of the signal, of OLI what was required', () => {
    const { constant, slope } = shippedNoise('S2A', 'B02')
    // 128 W m-2 sr-1 um-1 are 485.8 numbers, whose noise is sqrt(0.567^2 + 0.04696 x 485.8) = 4.81.
    const rho = (128 * Math.PI) / 1941.63
    expect(Math.sqrt(constant + slope * rho) / rho).toBeCloseTo(4.81 / 485.8, 4)
    const oli = shippedNoise('L8', 'B05')
    expect(oli.slope).toBe(0)
    // 14 / 90 of about 960 W m-2 um-1 of sunlight.
    expect(Math.sqrt(oli.constant)).toBeCloseTo((Math.PI * 14) / 90 / 960, 4)
    expect(() => shippedNoise('S2A', 'B10')).toThrow(expect.objectContaining({ code: 'INTERNAL' }) as Error)
  })
})

describe('what may be wrong with the air', () => {
  const found = (part: Partial<FoundAtmosphere>): FoundAtmosphere =>
    ({
      nodes: { aot: Float32Array.of(0.2, 0.2), wv: Float32Array.of(2, 2) },
      origins: { aot: 'image', wv: 'image', ozone: 'default', aerosol: 'image' },
      isFilled: { aot: Uint8Array.of(0, 1), wv: Uint8Array.of(0, 1) },
      aerosol: 'continental',
      weights: new Map([['continental', 1]]),
      aotRatios: { continental: 1, maritime: 0.9, urban: 2, desert: 1.1, 'continental-average': 1.2 },
      ...part,
    }) as FoundAtmosphere

  test('of an aerosol that counts more by what the image says more may be there', () => {
    const mixed = found({
      aerosol: 'continental:0.6,maritime:0.4',
      weights: new Map([
        ['continental', 0.6],
        ['maritime', 0.4],
      ]),
    })
    const close = (value: number) => expect.closeTo(value, 4) as number
    expect(otherAerosols(mixed)).toEqual([
      // Each 0.58 of the model and 0.42 of the mix; 1 / (0.42 + 0.58 / ratio).
      { model: 'continental:0.832,maritime:0.168', aotRatio: 1, weight: 0.6 },
      { model: 'maritime:0.748,continental:0.252', aotRatio: close(0.93946), weight: 0.4 },
      { model: 'desert:0.58,continental:0.252,maritime:0.168', aotRatio: close(1.05567), weight: 0.05 },
      {
        model: 'continental-average:0.58,continental:0.252,maritime:0.168',
        ...{ aotRatio: close(1.10701), weight: 0.05 },
      },
    ])
    for (const { model } of otherAerosols(mixed)) expect(() => parseAerosolMix(model)).not.toThrow()
    const untried = otherAerosols(found({ weights: new Map(), aotRatios: {} }))
    expect(untried).toEqual(
      ['maritime', 'desert', 'continental-average'].map((model) => ({
        ...{ model: `${model}:0.58,continental:0.42`, aotRatio: 1, weight: 0.25 },
      })),
    )
    const given = { aot: 'image', wv: 'image', ozone: 'default', aerosol: 'parameter' } as const
    expect(otherAerosols(found({ origins: given }))).toEqual([])
  })

  test('what somebody gave is known best, what nobody said least', () => {
    const of = (origin: 'parameter' | 'image' | 'auxiliary' | 'default') =>
      airErrorsOf(found({ origins: { aot: origin, wv: origin, ozone: 'default', aerosol: 'parameter' } }))
    const [given, image, forecast, none] = (['parameter', 'image', 'auxiliary', 'default'] as const).map(of)
    expect([given!.sigmaAot[0], image!.sigmaAot[0], none!.sigmaAot[0]]).toEqual(
      [0.02, 0.05, 0.1].map(Math.fround),
    )
    expect(given!.sigmaWv[0]).toBeLessThan(image!.sigmaWv[0]!)
    expect(forecast!.sigmaWv[0]).toBeLessThan(none!.sigmaWv[0]!)
    // What grows with AOT comes with the aerosols that may be there, not twice.
    const unsure = airErrorsOf(found({}))
    expect(unsure.sigmaAot[0]).toBe(image!.sigmaAot[0])
    expect(unsure.others).toHaveLength(AEROSOL_MODELS.length - 2)
    // Nothing was found near the second node.
    expect(image!.sigmaAot[1]).toBe(none!.sigmaAot[1])
    expect(image!.sigmaWv[1]).toBe(none!.sigmaWv[1])
  })
})

test('every layer that is asked for counts in what a step declares', () => {
  const size = { pixels: 2 ** 20 * 100, bands: 13, threads: 2 }
  const declared = (params: object) => l2a.resources(size, params as Record<string, unknown>).scratchMb
  expect(optionalLayers({ dem: '', nbar: false })).toBe(0)
  expect(optionalLayers({ dem: '/dem', slopes: 'none' })).toBe(0)
  // `fre`, and its standard deviation beside that of `sre`.
  expect(optionalLayers({ dem: '/dem', nbar: true, uncertainty: true })).toBe(4)
  expect(declared({ nbar: true }) - declared({})).toBe(270)
  expect(declared({ dem: '/dem', nbar: true, uncertainty: true }) - declared({})).toBe(1080)
  expect(l2a.resources(size).scratchMb).toBe(declared({}))
})
