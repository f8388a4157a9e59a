import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { AngleGrid, L1SceneBand } from '../../../src/domain/l1-scene.js'
import { scaleByNodes } from '../../../src/kernels/scale-by-nodes.js'
import { lineToOli } from '../../../src/processors/l2a/bandpass.js'
import {
  BRDF_WEIGHTS,
  liSparseR,
  modelReflectance,
  nadirFactor,
  rossThick,
  type Geometry,
} from '../../../src/processors/l2a/brdf.js'
import { L2A_BANDS } from '../../../src/domain/band-choice.js'
import { LANDSAT_L2A_BANDS } from '../../../src/processors/l2a/definition.js'
import { nbarFactorsOf, planNbar } from '../../../src/processors/l2a/nbar.js'
import { overpassSunZenith, sunZenithAt } from '../../../src/processors/l2a/overpass-sun.js'
import { sunAngles } from '../../../src/simulator/sun.js'

const at = (sunZenith: number, viewZenith: number, azimuth: number): Geometry => ({
  ...{ sunZenith, viewZenith, azimuth },
})
const geometry = fc.record({
  sunZenith: fc.double({ min: 0, max: 80, noNaN: true }),
  viewZenith: fc.double({ min: 0, max: 20, noNaN: true }),
  azimuth: fc.double({ min: -360, max: 360, noNaN: true }),
})

describe('kernels', () => {
  test('are 0 where sun and sensor are overhead', () => {
    expect(rossThick(at(0, 0, 0))).toBeCloseTo(0, 15)
    expect(liSparseR(at(0, 0, 0))).toBeCloseTo(0, 15)
  })

  test('by hand: sun at 60 degrees seen from above, and from where it stands', () => {
    // Phase 60: ((pi/2 - pi/3) 1/2 + sqrt(3)/2) / (1/2 + 1) - pi/4. Shadows and crowns do not overlap (cos t = 2 sqrt(3) / 3 > 1): -3 + 1/2 (1 + 1/2) 2.
    expect(rossThick(at(60, 0, 0))).toBeCloseTo((Math.PI / 12 + Math.sqrt(3) / 2) / 1.5 - Math.PI / 4, 12)
    expect(liSparseR(at(60, 0, 0))).toBeCloseTo(-1.5, 12)
    // Hot spot, phase 0: (pi/2) / (2 cos 60) - pi/4. All shadows hidden: overlap = sec, so sec^2 - sec = 4 - 2.
    expect(rossThick(at(60, 60, 0))).toBeCloseTo(Math.PI / 4, 7)
    expect(liSparseR(at(60, 60, 0))).toBeCloseTo(2, 7)
  })

  // Written once more in Python 3.11 with vectors: phase from the cross product, distance and its part across from the shadows' end points.
  test.each([
    [45, 0, 0, -0.04586203, -1.106819176],
    [30, 10, 0, 0.019683187, -0.446629576],
    [30, 10, 180, -0.076913181, -0.925294295],
    [52.3, 8.7, 73, -0.027599136, -1.278638859],
    [68, 11.5, 140, -0.028287168, -2.020751517],
    [25, 24, 0, 0.077615854, 0.081861487],
    [80, 0, 0, 0.079524645, -3.379385242],
  ])('sun %f, view %f, azimuth %f', (sun, view, azimuth, ross, li) => {
    expect(rossThick(at(sun, view, azimuth))).toBeCloseTo(ross, 8)
    expect(liSparseR(at(sun, view, azimuth))).toBeCloseTo(li, 8)
  })

  test('are reciprocal: sun and sensor may change places', () => {
    fc.assert(
      fc.property(geometry, ({ sunZenith, viewZenith, azimuth }) => {
        for (const kernel of [rossThick, liSparseR])
          expect(kernel(at(viewZenith, sunZenith, -azimuth))).toBeCloseTo(
            kernel(at(sunZenith, viewZenith, azimuth)),
            9,
          )
      }),
    )
  })
})

describe('factor', () => {
  const weights = Object.values(BRDF_WEIGHTS).flatMap((ofBand) => Object.values(ofBand))

  test('every delivered band has weights, and no other', () => {
    expect(Object.keys(BRDF_WEIGHTS.s2)).toEqual([...L2A_BANDS])
    expect(Object.keys(BRDF_WEIGHTS.landsat)).toEqual([...LANDSAT_L2A_BANDS])
  })

  test('is 1 where the ground was seen from above under the wanted sun', () => {
    fc.assert(
      fc.property(geometry, ({ sunZenith, azimuth }) => {
        for (const one of weights) expect(nadirFactor(one, at(sunZenith, 0, azimuth), sunZenith)).toBe(1)
      }),
    )
  })

  test('brings a surface that reflects after the model to what it is from above; the model stays above 0', () => {
    fc.assert(
      fc.property(geometry, fc.double({ min: 20, max: 75, noNaN: true }), (seen, sun) => {
        for (const one of weights) {
          const reflectance = modelReflectance(one, seen)
          expect(reflectance).toBeGreaterThan(0)
          expect(reflectance * nadirFactor(one, seen, sun)).toBeCloseTo(
            modelReflectance(one, at(sun, 0, 0)),
            12,
          )
        }
      }),
    )
  })

  test('darkens what was seen with the sun behind, brightens what was seen against it', () => {
    const { B04 } = BRDF_WEIGHTS.s2
    expect(nadirFactor(B04!, at(40, 10, 0), 40)).toBeLessThan(0.97)
    expect(nadirFactor(B04!, at(40, 10, 180), 40)).toBeGreaterThan(1.03)
  })
})

describe('sun', () => {
  test('agrees with the formulas of the Astronomical Almanac at any place and time', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: Date.UTC(2013, 0), max: Date.UTC(2035, 0) }),
        fc.double({ min: -180, max: 180, noNaN: true }),
        fc.double({ min: -82, max: 82, noNaN: true }),
        (ms, lon, lat) => {
          expect(Math.abs(sunZenithAt(ms, lon, lat) - sunAngles(ms, lon, lat).zenith)).toBeLessThan(0.03)
        },
      ),
    )
  })

  // In Python with the PSA algorithm (Blanco-Muriel et al. 2001, Solar Energy 70(5), 431-441), which HLS takes, and HLS's way from the place to the time.
  test.each([
    ['2025-05-10T10:51:05Z', 1.2, 43.8, 29.3303],
    ['2017-12-07T00:20:51Z', 147.5, -28.4, 25.2472],
    ['2020-06-21T14:50:00Z', -70, 0.5, 33.6232],
    ['2024-03-01T09:30:00Z', 25, 68, 75.4882],
  ])('of %s at %f, %f is that of HLS', (time, lon, lat, expected) => {
    expect(Math.abs(overpassSunZenith(Date.parse(time), lon, lat)! - expected)).toBeLessThan(0.03)
  })

  test('is the same for both sensors of a day, on either side of the date line, and not known near the poles', () => {
    const noon = Date.parse('2025-05-10T22:30:00Z')
    const [west, east] = [overpassSunZenith(noon, 179.999, -17)!, overpassSunZenith(noon, -179.999, -17)!]
    expect(Math.abs(west - east)).toBeLessThan(0.01)
    expect(overpassSunZenith(noon - 1_800_000, 179.999, -17)).toBe(west)
    expect(overpassSunZenith(noon, 10, 81.3)).not.toBeNull()
    expect(overpassSunZenith(noon, 10, 81.5)).toBeNull()
    expect(overpassSunZenith(noon, 10, -85)).toBeNull()
  })
})

/** 23 x 23 nodes 5 km apart; angles by node. */
const angles = (of: (column: number, row: number) => { zenith: number; azimuth: number }): AngleGrid => {
  const nodes = Array.from({ length: 23 * 23 }, (_, i) => of(i % 23, Math.floor(i / 23)))
  return {
    ...{ ulx: 300_000, uly: 4_900_020, stepXM: 5000, stepYM: 5000, rows: 23, cols: 23 },
    zenith: Float64Array.from(nodes, ({ zenith }) => zenith),
    azimuth: Float64Array.from(nodes, ({ azimuth }) => azimuth),
  }
}
/** A line of sight that sways by a degree in 15 km across and looks a little forward or back, as detectors of one parity do. */
const viewOf = (forward: number) => (column: number) => {
  const [across, along] = [Math.tan(((column - 4) * 0.35 * Math.PI) / 180), forward]
  return {
    zenith: (Math.atan(Math.hypot(across, along)) * 180) / Math.PI,
    azimuth: ((Math.atan2(across, along) * 180) / Math.PI + 360) % 360,
  }
}
const sunOf = (column: number, row: number) => ({ zenith: 38 - 0.02 * column + 0.04 * row, azimuth: 155 })
const PIXEL_M = 600
const band = (id: string): L1SceneBand => ({
  ...{ id, path: '', blockWidth: 183, quantification: 10_000, offset: 0, response: null },
  grid: {
    ...{ epsg: 32631, ulx: 300_000, uly: 4_900_020, pixelWidthM: PIXEL_M, pixelHeightM: PIXEL_M },
    ...{ width: 183, height: 183 },
  },
  detectors: [0.02, -0.02].map((forward, i) => ({
    detector: 3 + i,
    angles: angles(viewOf(forward)),
    validNodes: 23 * 23,
  })),
})
const scene = { satellite: 's2', platform: 'S2A', sun: angles(sunOf) } as const
const plan = { sunZenith: new Float64Array(23 * 23).fill(40), observedNodes: 0, bandpass: 'none' } as const
const window = { x: 0, y: 0, width: 183, height: 183 }
const size = window.width * window.height

describe('a band', () => {
  test.each(Object.entries(BRDF_WEIGHTS.s2))(
    'of a surface after the model comes back to what it is from above, also between nodes and on both sides of a border: %s',
    (id, weights) => {
      const detector = Uint8Array.from({ length: size }, (_, i) => (i % 183 < 90 ? 3 : 4))
      // What each pixel reflects: the model there, from its own line of sight.
      const pixels = Int16Array.from({ length: size }, (_, i) => {
        const column = (((i % 183) + 0.5) * PIXEL_M) / 5000
        const row = ((Math.floor(i / 183) + 0.5) * PIXEL_M) / 5000
        const view = viewOf(detector[i] === 3 ? 0.02 : -0.02)(column)
        const sun = sunOf(column, row)
        const seen = at(sun.zenith, view.zenith, view.azimuth - sun.azimuth)
        return Math.round(1e4 * modelReflectance(weights, seen))
      })
      const out = new Int16Array(size)
      const scale = nbarFactorsOf(scene, band(id), plan)
      scaleByNodes({ ...{ pixels, detector, window, scale, out }, noData: -32768 })
      const expected = 1e4 * modelReflectance(weights, at(40, 0, 0))
      // Half a unit of rounding twice, and what 5 km of curvature cost.
      for (const value of out) expect(Math.abs(value - expected)).toBeLessThan(1.2)
      // Seen with the other detector's line of sight it would not.
      const wrong = new Int16Array(size)
      const swapped = detector.map((d) => 7 - d)
      scaleByNodes({ ...{ pixels, detector: swapped, window, scale, out: wrong }, noData: -32768 })
      expect(Math.max(...wrong.map((value) => Math.abs(value - expected)))).toBeGreaterThan(5)
    },
  )

  test('is carried over to OLI after that, B8A to the narrow near infrared, those without partner not at all', () => {
    const factorsOf = (platform: 'S2A' | 'S2B' | 'S2C', id: string) =>
      nbarFactorsOf({ ...scene, platform }, band(id), { ...plan, bandpass: 'oli' })
    expect(factorsOf('S2A', 'B04')).toMatchObject({ slope: 0.9765, offset: 9 })
    expect(factorsOf('S2B', 'B8A')).toMatchObject({ slope: 0.9966, offset: 0 })
    expect(factorsOf('S2C', 'B02')).toMatchObject({ slope: 0.9851, offset: -27 })
    for (const id of ['B05', 'B06', 'B07', 'B08'])
      expect(factorsOf('S2A', id)).toMatchObject({ slope: 1, offset: 0 })
    expect(nbarFactorsOf(scene, band('B04'), plan)).toMatchObject({ slope: 1, offset: 0 })
    for (const id of LANDSAT_L2A_BANDS) expect(lineToOli('LC08', id)).toBeNull()
    for (const platform of ['S2A', 'S2B', 'S2C'] as const)
      expect(L2A_BANDS.filter((id) => lineToOli(platform, id) !== null)).toHaveLength(7)
  })

  test('that is not delivered has no weights', () => {
    expect(() => nbarFactorsOf(scene, band('B10'), plan)).toThrow(/B10 has no weights/)
  })

  test('keeps the sun that was observed where no satellite passes overhead', () => {
    const places = Array.from({ length: 23 * 23 }, (_, i) => [10, i < 23 ? 82 : 80] as const)
    const made = planNbar({ sensedAt: '2025-05-10T10:51:05Z', sun: scene.sun }, places, 'none')
    expect(made.observedNodes).toBe(23)
    expect(made.sunZenith[5]).toBe(scene.sun.zenith[5])
    expect(made.sunZenith[100]).not.toBe(scene.sun.zenith[100])
  })
})
