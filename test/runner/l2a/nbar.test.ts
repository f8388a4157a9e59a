import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { AngleGrid, L1Scene } from '../../../src/domain/l1-scene.js'
import { BRDF_WEIGHTS } from '../../../src/processors/l2a/brdf.js'
import { overpassSunZenith } from '../../../src/processors/l2a/overpass-sun.js'
import { readL1Scene } from '../../../src/products/read-l1-scene.js'
import { reportSchema } from '../../../src/products/report.js'
import gdal from '../../../src/raster/gdal.js'
import { toLonLat } from '../../../src/raster/transform.js'
import { exportToFolder } from '../../../src/runner/export/export-product.js'
import type { CorrectToFolderOptions } from '../../../src/runner/l2a/correct-to-folder.js'
import { simulateLandsat } from '../../../src/simulator/landsat/simulate-landsat.js'
import { simulateL1c } from '../../../src/simulator/simulate-l1c.js'
import { checkCog } from '../../support/cog-check.js'
import { temporaryFolder } from '../../support/cli.js'
import { correctProduct } from '../../support/correct-product.js'
import { readPixels } from '../../support/l2a-product.js'

const home = temporaryFolder('nbar')
const codec = 'deflate' as const
const signal = new AbortController().signal
const correct = (
  product: string,
  out: string,
  parameters: Readonly<Record<string, unknown>>,
  more: Pick<Partial<CorrectToFolderOptions>, 'threads' | 'blockSize'> = {},
) => correctProduct(home, product, out, { ...more, parameters: { aot: 0.15, wv: 2, ...parameters } })
const rasters = (folder: string) => readdirSync(folder).filter((name) => name.endsWith('.tif'))
const bytes = (folder: string) =>
  Object.fromEntries(
    rasters(folder).map((name) => [name, readFileSync(join(folder, name)).toString('base64')]),
  )
const itemOf = (folder: string) =>
  JSON.parse(readFileSync(join(folder, 'item.json'), 'utf8')) as {
    properties: Record<string, unknown>
    assets: Record<
      string,
      { title: string; 'raster:scale': number; nodata: number; roles: string[] } | undefined
    >
  }
const reportOf = (folder: string) =>
  reportSchema.parse(JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')))

let safe: string
let plain: string
let nbar: string
beforeAll(async () => {
  const made = await simulateL1c({
    ...{ tile: '31TCJ', date: '2025-05-10', outDir: home, pixelSizeM: 600, baseline: '05.11' },
    withTci: false,
  })
  safe = made.safePath
  plain = (await correct(safe, 'plain', {})).folder
  nbar = (await correct(safe, 'nbar', { nbar: true })).folder
})

type Vector = readonly [number, number, number]
const dot = (a: Vector, b: Vector) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
/** Toward what an angle grid describes, bilinear in the components on a plane 1 m above the ground. */
function toward(grid: AngleGrid, x: number, y: number): Vector {
  const [u, v] = [(x - grid.ulx) / grid.stepXM, (grid.uly - y) / grid.stepYM]
  const [i, j] = [Math.min(grid.cols - 2, Math.floor(u)), Math.min(grid.rows - 2, Math.floor(v))]
  let [east, north] = [0, 0]
  for (const di of [0, 1])
    for (const dj of [0, 1]) {
      const share = (di === 1 ? u - i : 1 - u + i) * (dj === 1 ? v - j : 1 - v + j)
      const node = (j + dj) * grid.cols + i + di
      const [zenith, azimuth] = [grid.zenith[node]!, grid.azimuth[node]!].map((a) => (a * Math.PI) / 180)
      east += share * Math.tan(zenith!) * Math.sin(azimuth!)
      north += share * Math.tan(zenith!) * Math.cos(azimuth!)
    }
  return [east, north, 1]
}
/** The model once more, in vectors: both directions as they reach 1 m above the ground. */
function model(
  { iso, vol, geo }: { iso: number; vol: number; geo: number },
  sun: Vector,
  view: Vector,
): number {
  const [secantS, secantV] = [Math.hypot(...sun), Math.hypot(...view)]
  const cosine = Math.min(1, dot(sun, view) / (secantS * secantV))
  const phase = Math.acos(cosine)
  const ross = ((Math.PI / 2 - phase) * cosine + Math.sin(phase)) / (1 / secantS + 1 / secantV) - Math.PI / 4
  const apart = Math.hypot(sun[0] - view[0], sun[1] - view[1], sun[0] * view[1] - sun[1] * view[0])
  const t = Math.acos(Math.min(1, (2 * apart) / (secantS + secantV)))
  const overlap = ((t - Math.sin(2 * t) / 2) * (secantS + secantV)) / Math.PI
  return iso + vol * ross + geo * (overlap - secantS - secantV + 0.5 * (secantS * secantV + dot(sun, view)))
}

/** By pixel the factor right there, and the detector; `mistaken` takes the angles of the neighbouring detector. */
async function factorsOf(scene: L1Scene, id: string, isMistaken = false) {
  const band = scene.bands.find((one) => one.id === id)!
  const { grid } = band
  const detectors = new Uint8Array(grid.width * grid.height)
  const map = await scene.openDetectors(band)
  await map.read({ x: 0, y: 0, width: grid.width, height: grid.height }, detectors)
  map.close()
  const places = Array.from(
    detectors,
    (_, i) =>
      [
        grid.ulx + ((i % grid.width) + 0.5) * grid.pixelWidthM,
        grid.uly - (Math.floor(i / grid.width) + 0.5) * grid.pixelHeightM,
      ] as const,
  )
  const lonLat = toLonLat(grid.epsg, places)
  const weights = BRDF_WEIGHTS.s2[id]!
  const factors = places.map(([x, y], i) => {
    const own = band.detectors.findIndex(({ detector }) => detector === detectors[i])
    const taken = band.detectors[isMistaken ? (own + 1) % band.detectors.length : own]
    if (taken === undefined) return NaN
    const wanted = (overpassSunZenith(Date.parse(scene.sensedAt), ...lonLat[i]!)! * Math.PI) / 180
    return (
      model(weights, [Math.tan(wanted), 0, 1], [0, 0, 1]) /
      model(weights, toward(scene.sun, x, y), toward(taken.angles, x, y))
    )
  })
  return { factors, detectors, width: grid.width }
}

describe('NBAR of a simulated date', () => {
  test('is one file more for each band, and changes no other', () => {
    const added = rasters(nbar).filter((name) => !existsSync(join(plain, name)))
    expect(added.sort()).toEqual(
      rasters(plain)
        .filter((name) => name.endsWith('_sre.tif'))
        .map((name) => name.replace('_sre', '_nbar'))
        .sort(),
    )
    const [with_, without] = [bytes(nbar), bytes(plain)]
    for (const name of rasters(plain)) expect(with_[name] === without[name], name).toBe(true)
    expect(checkCog(join(nbar, 'B04_nbar.tif'))).toEqual([])
  })

  test.each(['B02', 'B04', 'B06', 'B8A', 'B12'])(
    'every pixel of %s is that of sre times the factor of its own detector right there',
    async (id) => {
      const scene = await readL1Scene(safe)
      const [sre, made] = [readPixels(join(nbar, `${id}_sre.tif`)), readPixels(join(nbar, `${id}_nbar.tif`))]
      const { factors, detectors, width } = await factorsOf(scene, id)
      const mistaken = await factorsOf(scene, id, true)
      let [worst, worstMistaken, compared, borders] = [0, 0, 0, 0]
      sre.pixels.forEach((value, i) => {
        if (value === -32768) {
          expect(made.pixels[i]).toBe(-32768)
          return
        }
        compared++
        if (i % width > 0 && detectors[i] !== detectors[i - 1]) borders++
        worst = Math.max(worst, Math.abs(made.pixels[i]! - value * factors[i]!))
        worstMistaken = Math.max(worstMistaken, Math.abs(made.pixels[i]! - value * mistaken.factors[i]!))
      })
      expect(compared).toBeGreaterThan(500)
      expect(borders).toBeGreaterThan(20)
      // Half a unit (1e-4) of rounding, and what bilinear factors between nodes 5 km apart cost.
      expect(worst).toBeLessThan(0.7)
      expect(worstMistaken).toBeGreaterThan(5)
    },
  )

  test('does not depend on threads or blocks', async () => {
    const other = await correct(safe, 'other', { nbar: true }, { threads: 1, blockSize: 512 })
    expect(bytes(other.folder)).toEqual(bytes(nbar))
  })

  test('report and item say what was done', () => {
    const { nbar: section, flags, bands } = reportOf(nbar)
    expect(Object.keys(section!.bands)).toHaveLength(11)
    expect(section!.bands['B05']).toEqual({ iso: 0.2085, vol: 0.0845, geo: 0.0256, bandpass: null })
    expect(section!.source).toMatch(/^Roy et al\. 2016/)
    // The simulated date flies as the real ones do.
    expect(section!.sun_zenith.largest_change).toBeLessThan(4)
    expect(section!.sun_zenith.observed_share).toBe(0)
    expect(flags.filter((flag) => /nbar|bandpass/.test(flag))).toEqual([])
    expect(bands.map(({ file }) => file).slice(0, 2)).toEqual(['B01_sre.tif', 'B01_nbar.tif'])
    expect(reportOf(plain).nbar).toBeUndefined()
    const { properties, assets } = itemOf(nbar)
    expect(properties).toMatchObject({ 'tilth:nbar_bandpass': 'none' })
    expect(properties['tilth:nbar_sun_zenith']).toBeCloseTo(section!.sun_zenith.mean, 1)
    expect(assets['B04_nbar']).toMatchObject({
      ...{ 'raster:scale': 0.0001, nodata: -32768, roles: ['data', 'reflectance'] },
      title: 'Surface reflectance of B04, flat ground seen from above (NBAR)',
    })
    expect(itemOf(plain).properties).not.toHaveProperty('tilth:nbar_bandpass')
  })
})

test('bandpass oli takes the line of the platform of NBAR, before it is rounded, and says so', async () => {
  const { folder } = await correct(safe, 'oli', { nbar: true, bandpass: 'oli' })
  const [before, after] = ['B02', 'B08'].map((id) => [
    readPixels(join(nbar, `${id}_nbar.tif`)).pixels,
    readPixels(join(folder, `${id}_nbar.tif`)).pixels,
  ]) as [(readonly number[])[], (readonly number[])[]]
  const platform = itemOf(folder).properties['platform']
  expect(platform).toBe('sentinel-2a')
  before[0]!.forEach((value, i) => {
    if (value === -32768) expect(before[1]![i]).toBe(-32768)
    else expect(Math.abs(before[1]![i]! - (0.9778 * value - 40))).toBeLessThanOrEqual(1)
  })
  expect(after[1]).toEqual(after[0])
  const { nbar: section, flags } = reportOf(folder)
  expect(flags).toContain('bandpass_oli')
  expect(section!.bands['B02']!.bandpass).toEqual({ slope: 0.9778, offset: -0.004 })
  expect(section!.bands['B08']!.bandpass).toBeNull()
  expect(section!.source).toMatch(/HLS v2\.0/)
  const { folder: hls } = await exportToFolder({
    ...{ product: folder, layout: 'hls', out: join(home, 'hls'), force: true, threads: 2, codec, signal },
    onProgress: () => undefined,
  })
  const file = rasters(hls).find((name) => name.endsWith('.B02.tif'))!
  const opened = gdal.open(join(hls, file))
  expect(opened.getMetadata()).toMatchObject({ BRDF_NORMALISED: 'yes', BANDPASS_ADJUSTED: 'yes' })
  opened.close()
  const fine = readPixels(join(folder, 'B02_nbar.tif'))
  const coarse = readPixels(join(hls, file))
  const nine = [0, 1, 2].flatMap((j) => [0, 1, 2].map((i) => fine.pixels[(90 + j) * fine.width + 90 + i]!))
  expect(nine).not.toContain(-32768)
  const mean = nine.reduce((sum, value) => sum + value, 0) / 9
  expect(Math.abs(coarse.pixels[30 * coarse.width + 30]! - mean)).toBeLessThanOrEqual(0.5001)
})

test('bands are not adjusted without NBAR: refused before any pixel is read', async () => {
  await expect(correct(safe, 'refused', { bandpass: 'oli' })).rejects.toMatchObject({
    code: 'BAD_ARGUMENT',
    message: expect.stringContaining('nbar is off') as unknown,
  })
})

test('Landsat has NBAR too; its bands are those of OLI already, and that is flagged', async () => {
  const { productPath } = await simulateLandsat({
    ...{ tile: '198030', pixelSizeM: 960, seed: 3, collection: 2, tar: false, platform: 'L8' },
    ...{ outDir: join(home, 'scenes'), date: '2025-05-12' },
  })
  const { folder } = await correct(productPath, 'landsat', { nbar: true, bandpass: 'oli' })
  const { nbar: section, flags } = reportOf(folder)
  expect(flags).toContain('bandpass_is_oli')
  expect(Object.values(section!.bands).map(({ bandpass }) => bandpass)).toEqual(new Array(7).fill(null))
  expect(section!.sun_zenith.largest_change).toBeLessThan(6)
  const [sre, made] = [readPixels(join(folder, 'B05_sre.tif')), readPixels(join(folder, 'B05_nbar.tif'))]
  const ratios = sre.pixels.flatMap((value, i) => (value > 1000 ? [made.pixels[i]! / value] : []))
  expect(ratios.length).toBeGreaterThan(1000)
  expect(ratios.filter((ratio) => !(ratio > 0.9 && ratio < 1.1))).toEqual([])
  // Not one factor for all.
  expect(ratios.some((ratio) => ratio < 0.99) && ratios.some((ratio) => ratio > 1.01)).toBe(true)
})
