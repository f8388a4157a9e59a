import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { AEROSOL_MODELS } from '../../../src/domain/aerosol-mix.js'
import { openL2aProduct } from '../../../src/products/l2a/open-l2a.js'
import { readPixelNumbers } from '../../../src/products/l2a/pixel-numbers.js'
import { reportSchema } from '../../../src/products/report.js'
import type { CorrectToFolderOptions } from '../../../src/runner/l2a/correct-to-folder.js'
import { simulateLandsat } from '../../../src/simulator/landsat/simulate-landsat.js'
import { simulateL1c } from '../../../src/simulator/simulate-l1c.js'
import { checkCog } from '../../support/cog-check.js'
import { temporaryFolder } from '../../support/cli.js'
import { correctProduct } from '../../support/correct-product.js'
import { readPixels } from '../../support/l2a-product.js'

const home = temporaryFolder('uncertainty')
const correct = (
  product: string,
  out: string,
  parameters: Readonly<Record<string, unknown>>,
  more: Pick<Partial<CorrectToFolderOptions>, 'threads' | 'blockSize'> = {},
) => correctProduct(home, product, out, { ...more, parameters: { aot: 0.15, wv: 2, ...parameters } })
const rasters = (folder: string) => readdirSync(folder).filter((name) => name.endsWith('.tif'))
const reportOf = (folder: string) =>
  reportSchema.parse(JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')))

let safe: string
let plain: string
let made: string
beforeAll(async () => {
  const simulated = await simulateL1c({
    ...{ tile: '31TCJ', date: '2025-05-10', outDir: home, pixelSizeM: 600, baseline: '05.11' },
    withTci: false,
  })
  safe = simulated.safePath
  plain = (await correct(safe, 'plain', {})).folder
  made = (await correct(safe, 'made', { uncertainty: true })).folder
})

test('is one file more for each band, no-data where the band has it, and changes no other', () => {
  const added = rasters(made).filter((name) => !rasters(plain).includes(name))
  const bands = rasters(plain).filter((name) => name.endsWith('_sre.tif'))
  expect(added.sort()).toEqual(bands.map((name) => name.replace('_sre', '_sigma')).sort())
  for (const name of rasters(plain))
    expect(readFileSync(join(made, name)).equals(readFileSync(join(plain, name))), name).toBe(true)
  expect(checkCog(join(made, 'B04_sigma.tif'))).toEqual([])
  for (const band of bands) {
    const sre = readPixels(join(made, band)).pixels
    const sigma = readPixels(join(made, band.replace('_sre', '_sigma'))).pixels
    const wrong = sre.filter((value, i) =>
      value === -32768 ? sigma[i] !== -32768 : !(sigma[i]! >= 1 && sigma[i]! < 2000),
    )
    expect(wrong, band).toEqual([])
    expect(sre.filter((value) => value !== -32768).length).toBeGreaterThan(500)
  }
})

test('does not depend on threads or blocks, and less is known under air that is a guess', async () => {
  const other = await correct(safe, 'other', { uncertainty: true }, { threads: 1, blockSize: 512 })
  for (const name of rasters(made).filter((file) => file.endsWith('_sigma.tif')))
    expect(readFileSync(join(other.folder, name)).equals(readFileSync(join(made, name))), name).toBe(true)
  const { folder } = await correct(safe, 'guess', { uncertainty: true, aot: 'auto', wv: 'auto' })
  const { uncertainty } = reportOf(folder)
  const given = reportOf(made).uncertainty!
  // Of the air: what a band makes of it depends on how much aerosol was found.
  expect(uncertainty!.aot.mean).toBeGreaterThan(2 * given.aot.mean)
  expect(uncertainty!.aot.mean).toBe(0.05)
  // Each model but the one that was taken.
  expect(uncertainty!.other_aerosols).toHaveLength(AEROSOL_MODELS.length - 1)
})

test('report, item and inspection say what was done', async () => {
  const report = reportOf(made)
  expect(report.uncertainty).toMatchObject({ aot: { mean: 0.02 }, wv: { mean: 0.2 }, noise: 'shipped' })
  expect(report.bands.map(({ file }) => file).slice(0, 2)).toEqual(['B01_sre.tif', 'B01_sigma.tif'])
  expect(reportOf(plain).uncertainty).toBeUndefined()
  const { assets } = JSON.parse(readFileSync(join(made, 'item.json'), 'utf8')) as {
    assets: Record<string, object>
  }
  expect(assets['B04_sigma']).toMatchObject({
    ...{ 'raster:scale': 0.0001, nodata: -32768, roles: ['data', 'uncertainty'] },
    title: 'Surface reflectance of B04, standard deviation',
  })
  const pixel = await readPixelNumbers(await openL2aProduct(made), { kind: 'pixel', x: 90, y: 90 })
  expect(pixel.uncertainty).toHaveLength(11)
  const { width, pixels } = readPixels(join(made, 'B04_sigma.tif'))
  const number = pixel.uncertainty.find(({ file }) => file === 'B04_sigma.tif')
  expect(number!.stored).toBe(pixels[90 * width + 90])
})

test('what level ground would reflect has its own: that of what is seen, brought to level ground, and more where heights are off', async () => {
  const { safePath, truthDir } = await simulateL1c({
    ...{ tile: '31TCJ', date: '2025-05-10', outDir: join(home, 'hills'), pixelSizeM: 60, extentM: 12_000 },
    ...{ baseline: '05.11', withTci: false, seed: 125 },
  })
  const levelled = (out: string, more: object, shape = {}) =>
    correct(
      safePath,
      out,
      {
        uncertainty: true,
        dem: join(truthDir, 'DEM.tif'),
        aerosol: 'continental',
        bands: 'B04,B8A',
        ...more,
      },
      shape,
    )
  const { folder } = await levelled('rough', { dem_error: 5 })
  const exact = (await levelled('exact', { dem_error: 0 })).folder
  const again = (await levelled('again', { dem_error: 5 }, { threads: 1, blockSize: 512 })).folder
  expect(rasters(folder).filter((name) => name.endsWith('_fre_sigma.tif'))).toEqual(
    ['B04', 'B8A'].map((band) => `${band}_fre_sigma.tif`),
  )
  expect(checkCog(join(folder, 'B04_fre_sigma.tif'))).toEqual([])
  for (const band of ['B04', 'B8A']) {
    const of = (where: string, kind: string) => readPixels(join(where, `${band}_${kind}.tif`)).pixels
    const name = `${band}_fre_sigma.tif`
    expect(readFileSync(join(again, name)).equals(readFileSync(join(folder, name))), name).toBe(true)
    const [sre, fre, sigma, own] = ['sre', 'fre', 'sigma', 'fre_sigma'].map((kind) => of(exact, kind))
    const ratios = [...sre!.keys()].filter((i) => sre![i]! > 300)
    expect(ratios.length).toBeGreaterThan(5000)
    const wrong = ratios.filter((i) => Math.abs(own![i]! - (sigma![i]! * fre![i]!) / sre![i]!) > 1.5)
    expect(wrong).toEqual([])
    const [level, unsure] = [of(folder, 'fre'), of(folder, 'fre_sigma')]
    expect(level.findIndex((value, i) => (value === -32768) !== (unsure[i] === -32768))).toBe(-1)
    const mean = (values: typeof level) => ratios.reduce((sum, i) => sum + values[i]!, 0) / ratios.length
    expect(mean(unsure) / mean(own!)).toBeGreaterThan(band === 'B8A' ? 1.1 : 1.05)
  }
  const { assets } = JSON.parse(readFileSync(join(folder, 'item.json'), 'utf8')) as {
    assets: Record<string, object>
  }
  expect(assets['B04_fre_sigma']).toMatchObject({
    ...{ 'raster:scale': 0.0001, nodata: -32768, roles: ['data', 'uncertainty'] },
    title: 'Surface reflectance of B04, corrected for slopes, standard deviation',
  })
  const pixel = await readPixelNumbers(await openL2aProduct(folder), { kind: 'pixel', x: 90, y: 90 })
  expect(pixel.uncertainty.map(({ file }) => file)).toEqual([
    ...['B04_fre_sigma.tif', 'B04_sigma.tif', 'B8A_fre_sigma.tif', 'B8A_sigma.tif'],
  ])
})

test('Landsat has it too, with light from beside taken off', async () => {
  const { productPath } = await simulateLandsat({
    ...{ tile: '198030', pixelSizeM: 960, seed: 3, collection: 2, tar: false, platform: 'L8' },
    ...{ outDir: join(home, 'scenes'), date: '2025-05-12' },
  })
  const { folder } = await correct(productPath, 'landsat', { uncertainty: true })
  expect(reportOf(folder).uncertainty).toMatchObject({ noise: 'shipped', adjacency_left: 0.3 })
  const [sre, sigma] = ['sre', 'sigma'].map((kind) => readPixels(join(folder, `B05_${kind}.tif`)).pixels)
  const shares = sre!.flatMap((value, i) => (value > 1000 ? [sigma![i]! / value] : []))
  expect(shares.length).toBeGreaterThan(1000)
  expect(shares.filter((share) => !(share > 0.002 && share < 0.3))).toEqual([])
})
