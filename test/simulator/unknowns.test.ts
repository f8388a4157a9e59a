import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import gdal from '../../src/raster/gdal.js'
import { halfAndHalf, smoke } from '../../src/simulator/atmosphere/aerosols.js'
import { BandAir, s2Optics } from '../../src/simulator/atmosphere/evaluate-atmosphere.js'
import { Landscape } from '../../src/simulator/landscape.js'
import { simulateL1c } from '../../src/simulator/simulate-l1c.js'
import { litSignal, type LitSignal } from '../../src/simulator/unknowns/band-unknowns.js'
import { directionalFactors } from '../../src/simulator/unknowns/directional.js'
import { ringShares, Surroundings } from '../../src/simulator/unknowns/environment.js'
import { groundScatter } from '../../src/simulator/unknowns/ground-scatter.js'
import { slopeLight } from '../../src/simulator/unknowns/slope-light.js'
import { checkUnknowns } from '../../src/simulator/unknowns/unknowns.js'
import { temporaryFolder } from '../support/cli.js'

test('a plane that leans is lit by the cosine between its normal and the sun, and sees less of the sky', () => {
  // Rises by 10 m in 30 m to the east; the sun stands in the east at 45 degrees: offset (1, 0) per unit of height.
  const altitude = Float32Array.from({ length: 25 }, (_, i) => 10 * (i % 5))
  const { beam, sky } = slopeLight(altitude, 5, 5, 30, () => ({ at: () => [1, 0] }))
  const length = Math.hypot(1 / 3, 1)
  // Turned away from the sun: (-1/3, 0, 1) . (1, 0, 1) over the length of the normal.
  for (const value of beam) expect(value).toBeCloseTo((1 - 1 / 3) / length, 6)
  for (const value of sky) expect(value).toBeCloseTo((1 + 1 / length) / 2, 6)
  const away = slopeLight(
    altitude.map((z) => 10 * z),
    5,
    5,
    30,
    () => ({ at: () => [1, 0] }),
  )
  expect(away.beam[12]).toBe(0)
})

test('on level ground under an open sky what is seen is the ground, whatever the share of the beam', () => {
  const to: LitSignal = { level: 0, seen: 0, ground: 0 }
  const flat = { reflectance: 0.3, strength: 1, beam: 1, sky: 1, sunlit: 1, albedo: 0.2, around: -1 }
  litSignal(Float64Array.of(0.6, 0, 0.8, 0, 0.5, 0, 1, 1), 0, flat, to)
  expect(to).toMatchObject({ level: 3000, seen: 3000 })
  expect(to.ground).toBeCloseTo(0.3 / (1 - 0.2 * 0.3), 12)
  // Of a dark pixel in bright ground a fifth of the light that leaves comes from around.
  litSignal(Float64Array.of(0.6, 0, 0.8, 0, 0.5, 0, 1, 1), 0, { ...flat, reflectance: 0, around: 0.4 }, to)
  expect(to.ground).toBeCloseTo((0.2 * 0.4) / (1 - 0.2 * 0.4), 12)
})

test('light from beside: shares of rings sum to 1, molecules reach farther, and uniform ground lies in uniform ground', () => {
  const [air, aerosol] = [ringShares('molecules'), ringShares('aerosol')]
  for (const shares of [air, aerosol]) expect(shares.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12)
  const near = (shares: number[]) => shares.slice(0, 5).reduce((a, b) => a + b, 0)
  expect(near(aerosol)).toBeGreaterThan(near(air) + 0.2)
  const around = new Surroundings(new Landscape(1), 31_300_000, 4_900_020, 3000)
  const field = around.around(new Float32Array(17 * 16).fill(0.25), 0.5)
  for (const x of [0, 1234, 3000]) expect(field.at(x, 3000 - x)).toBeCloseTo(0.25, 6)
})

test('ground is brighter with the sun behind the sensor, and as stated under the usual sun', () => {
  for (const band of ['B02', 'B8A', 'B11'] as const) {
    expect(directionalFactors(band, { sza: 45, vza: 0, raa: 0 }).beam).toBeCloseTo(1, 12)
    const [back, forth] = [0, 180].map((raa) => directionalFactors(band, { sza: 40, vza: 8, raa }).beam)
    expect(back! / forth!).toBeGreaterThan(1.03)
    expect(back! / forth!).toBeLessThan(1.3)
  }
})

test('spectra scatter by what is asked, the same on all dates; brightness changes from date to date', () => {
  const window = { easting: 31_300_000, northing: 4_900_000, pixelM: 150, width: 120, height: 120 }
  const ground = new Landscape(1).fill(window)
  const of = (day: number) => groundScatter(ground, window, { spectra: 0.15, change: 0.06 }, 1, day)
  const [first, second] = [of(100), of(110)]
  const sd = (values: Float32Array) => {
    const mean = values.reduce((a, b) => a + b, 0) / values.length
    return Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length)
  }
  expect(sd(first.blue)).toBeGreaterThan(0.1)
  expect(sd(first.blue)).toBeLessThan(0.2)
  expect(second.blue).toEqual(first.blue)
  expect(second.date).not.toEqual(first.date)
  expect(first.date.filter((d) => d < -0.1).length / first.date.length).toBeGreaterThan(0.02)
})

test('optics of a mix: extinctions are averaged, albedo and phase function by what scatters', () => {
  const a = { extinction: 1, ssa: 1, cosines: [-1, 1], phase: [1, 3] }
  const b = { extinction: 0.5, ssa: 0.6, cosines: [-1, 1], phase: [2, 8] }
  const mix = halfAndHalf(a, b)
  expect(mix.extinction).toBe(0.75)
  expect(mix.ssa).toBeCloseTo(1.3 / 1.5, 12)
  expect(mix.phase[1]).toBeCloseTo((3 + 0.3 * 8) / 1.3, 12)
  expect(smoke(0.55, [1]).extinction).toBeCloseTo(1, 12)
  expect(smoke(0.44, [1])).toMatchObject({ ssa: 0.94 })
  // Henyey and Greenstein forward: (1 - g^2) / (1 - g)^3.
  expect(smoke(0.44, [1]).phase[0]).toBeCloseTo((1 - 0.69 ** 2) / 0.31 ** 3, 9)
})

test('other aerosols are other air, and without aerosol the same', () => {
  const at = { sza: 40, vza: 5, raa: 90, altitudeM: 0 }
  const path = (aerosol: 'continental' | 'mixed' | 'smoke', aot: number) =>
    new BandAir({ aot, wv: 2, ozone: 0.3 }, s2Optics('S2A', 'B8A', aerosol)).at(at).path
  expect(path('mixed', 0)).toBeCloseTo(path('continental', 0), 5)
  expect(path('mixed', 0.4)).toBeGreaterThan(path('continental', 0.4) + 0.003)
  // Less thick there, but far less of it goes forward.
  expect(path('smoke', 0.4)).toBeGreaterThan(path('continental', 0.4) + 0.003)
})

test('refuses what is no scatter or aerosol', () => {
  expect(() => checkUnknowns({ spectra: 2 })).toThrow(/scatter of spectra/)
  expect(() => checkUnknowns({ aerosol: 'salt' as 'smoke' })).toThrow(/continental, mixed, smoke/)
})

test('a corner of a tile with all unknowns: level and lit truth differ on slopes, and unknowns without effect change nothing', async () => {
  const home = temporaryFolder('unknowns')
  const common = { tile: '31TCJ', date: '2025-05-10', pixelSizeM: 150, extentM: 9000, seed: 125, noiseDn: 0 }
  const read = (folder: string, name: string) => {
    const dataset = gdal.open(join(folder, `${name}.tif`))
    const { x, y } = dataset.rasterSize
    const values = new Int16Array(x * y)
    dataset.bands.get(1).pixels.read(0, 0, x, y, values)
    dataset.close()
    return values
  }
  const plain = await simulateL1c({ ...common, outDir: join(home, 'plain') })
  const none = await simulateL1c({ ...common, outDir: join(home, 'none'), unknowns: {} })
  expect(read(none.truthDir, 'B04')).toEqual(read(plain.truthDir, 'B04'))
  const all = await simulateL1c({
    ...{ ...common, outDir: join(home, 'all') },
    unknowns: {
      ...{ aerosol: 'mixed', aerosolScaleHeightM: 1600, slopes: true, adjacency: true, directional: true },
      ...{ calibration: 0.02, jitterPx: 0.3, spectra: 0.15, change: 0.06 },
    },
  })
  const [lit, level] = [read(all.truthDir, 'B04'), read(all.truthDir, 'B04_level')]
  expect(level.length).toBe(60 * 60)
  const ratios = Array.from(lit, (value, i) => value / level[i]!)
  expect(Math.max(...ratios)).toBeGreaterThan(1.1)
  expect(Math.min(...ratios)).toBeLessThan(0.9)
  const told = JSON.parse(readFileSync(join(all.truthDir, 'truth.json'), 'utf8')) as {
    atmosphere: { aerosol: string; aot_reference: string }
  }
  expect(told.atmosphere).toMatchObject({ aerosol: 'mixed', aot_reference: 'column above sea level' })
  rmSync(home, { recursive: true })
}, 60_000)
