import { cpSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { formatDecisions } from '../../../src/cli/format-inspect.js'
import { AEROSOL_MODELS } from '../../../src/domain/aerosol-mix.js'
import { DEFAULT_AEROSOL } from '../../../src/processors/l2a/choose-aerosol.js'
import { MASK_BITS } from '../../../src/domain/mask-bits.js'
import { waterShareAbove } from '../../../src/processors/l2a/gas.js'
import { pressureAtAltitude, SEA_LEVEL_HPA } from '../../../src/processors/l2a/pressure.js'
import type { AtmosphereReport, Report } from '../../../src/products/report.js'
import gdal from '../../../src/raster/gdal.js'
import { simulateL1c } from '../../../src/simulator/simulate-l1c.js'
import { temporaryFolder } from '../../support/cli.js'
import { correctProduct } from '../../support/correct-product.js'
import { readPixels } from '../../support/l2a-product.js'

const home = temporaryFolder('hard-scenes')
const correct = (product: string, parameters = {}, out = 'l2a') =>
  correctProduct(home, product, out, { parameters })
let whole: string
beforeAll(async () => {
  const { safePath } = await simulateL1c({
    ...{ tile: '31TCJ', date: '2025-06-02', pixelSizeM: 600, seed: 3, baseline: '05.11' },
    ...{ outDir: join(home, 'l1'), withTci: false },
  })
  whole = safePath
})

/** What becomes of a digital number of a band at a place, (0, 0) the upper left, (1, 1) the lower right corner of the image. */
type Change = (dn: number, band: string, x: number, y: number) => number
let copies = 0
/** A copy of the product with other digital numbers: reflectance = (number - 1000) / 10000. */
function changed(change: Change, bands = /_B\w\w\.jp2$/): string {
  const product = join(home, `copy-${++copies}`, whole.split('/').at(-1)!)
  cpSync(whole, product, { recursive: true })
  for (const granule of readdirSync(join(product, 'GRANULE'))) {
    const images = join(product, 'GRANULE', granule, 'IMG_DATA')
    for (const name of readdirSync(images).filter((file) => bands.test(file))) {
      const source = gdal.open(join(images, name))
      const { x: width, y: height } = source.rasterSize
      const memory = gdal.open('memory', 'w', 'MEM', width, height, 1, gdal.GDT_UInt16)
      memory.srs = source.srs
      memory.geoTransform = source.geoTransform!
      const pixels = new Uint16Array(width * height)
      source.bands.get(1).pixels.read(0, 0, width, height, pixels)
      const band = name.slice(-7, -4)
      const edited = pixels.map((dn, i) =>
        change(dn, band, ((i % width) + 0.5) / width, (Math.floor(i / width) + 0.5) / height),
      )
      memory.bands.get(1).pixels.write(0, 0, width, height, edited)
      source.close()
      const made = join(images, 'made.jp2')
      gdal.drivers.get('JP2OpenJPEG').createCopy(made, memory, { REVERSIBLE: 'YES', QUALITY: '100' }).close()
      memory.close()
      rmSync(join(images, name))
      renameSync(made, join(images, name))
    }
  }
  return product
}
const has = (mask: ArrayLike<number>, bit: keyof typeof MASK_BITS, pixel: number) =>
  ((mask[pixel]! >> MASK_BITS[bit]) & 1) === 1
const shareOf = (mask: ArrayLike<number>, bit: keyof typeof MASK_BITS) =>
  Array.from({ length: mask.length }, (_, i) => i).filter((i) => has(mask, bit, i)).length / mask.length
const reportOf = (folder: string) =>
  JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as Report & {
    atmosphere: AtmosphereReport
  }
const isHole = (x: number, y: number) => x > 0.4 && x < 0.6 && y > 0.4 && y < 0.6

test('a hole in one band is no-data there, flagged in the mask, and the other bands keep their ground', async () => {
  const { folder, valid_share } = await correct(
    changed((dn, band, x, y) => (band === 'B05' && isHole(x, y) ? 0 : dn), /_B05\.jp2$/),
  )
  const [b05, b04, mask] = ['B05_sre', 'B04_sre', 'MASK'].map(
    (name) => readPixels(join(folder, `${name}.tif`)).pixels,
  )
  // Images are square.
  const middle = (pixels: ArrayLike<number>) => {
    const side = Math.sqrt(pixels.length)
    return Math.floor(side / 2) * side + Math.floor(side / 2)
  }
  expect(b05![middle(b05!)]).toBe(-32768)
  expect(b04![middle(b04!)]).toBeGreaterThan(0)
  expect(has(mask!, 'noData', middle(mask!))).toBe(true)
  expect(valid_share).toBeCloseTo(0.96, 1)
  // What spoke for each aerosol stays in the report.
  const { aerosol } = reportOf(folder).atmosphere
  expect(Object.keys(aerosol.evidence ?? {})).toEqual([...AEROSOL_MODELS])
  expect(aerosol.evidence?.[DEFAULT_AEROSOL]).toMatchObject({ ratio: 1, low: 1, high: 1 })
  expect(aerosol.evidence?.['maritime']?.windows).toBeGreaterThan(100)
  expect(reportOf(folder).flags.includes('aerosol_default')).toBe(aerosol.origin === 'default')
  expect(formatDecisions(folder, reportOf(folder))).toMatch(
    / {2}maritime .* reflectance unexplained +\d+ windows/,
  )
})

test('saturated snow is told, and no number runs over', async () => {
  const { folder } = await correct(
    changed((dn, band, x, y) =>
      isHole(x, y) ? (['B11', 'B12'].includes(band) ? 1800 : /B0[1-48]|B8A/.test(band) ? 65535 : dn) : dn,
    ),
  )
  const mask = readPixels(join(folder, 'MASK.tif')).pixels
  expect(shareOf(mask, 'saturatedVisible')).toBeCloseTo(0.04, 2)
  const blue = readPixels(join(folder, 'B02_sre.tif')).pixels
  expect(Math.max(...blue)).toBeLessThanOrEqual(32767)
})

test('a scene that is nothing but cloud is refused as too cloudy, and leaves nothing', async () => {
  const product = changed((dn, band) => (dn === 0 ? 0 : band === 'B10' ? 1030 : 7500))
  await expect(correct(product, {}, 'cloudy')).rejects.toMatchObject({ code: 'TOO_CLOUDY' })
  expect(readdirSync(join(home, 'cloudy'))).toEqual([])
})

test('a scene that is nothing but water is corrected as water, with an AOT that nobody claims to have seen', async () => {
  const rho: Readonly<Record<string, number>> = { B01: 0.13, B02: 0.1, B03: 0.07, B04: 0.045, B10: 0.002 }
  const { folder } = await correct(
    changed((dn, band) => (dn === 0 ? 0 : 1000 + Math.round(1e4 * (rho[band] ?? 0.02)))),
  )
  const mask = readPixels(join(folder, 'MASK.tif')).pixels
  expect(shareOf(mask, 'water')).toBeGreaterThan(0.95)
  expect(reportOf(folder).atmosphere.aot).toMatchObject({ origin: 'default', found_share: 0 })
  expect(shareOf(mask, 'defaultAtmosphere')).toBe(1)
})

test('a swath that covers one corner is corrected there, and is no-data everywhere else', async () => {
  const { folder, valid_share } = await correct(changed((dn, _, x, y) => (x < 0.2 && y < 0.2 ? dn : 0)))
  expect(valid_share).toBeCloseTo(0.04, 2)
  const red = readPixels(join(folder, 'B04_sre.tif')).pixels
  expect(red[0]).toBeGreaterThan(0)
  expect(red.at(-1)).toBe(-32768)
  expect(has(readPixels(join(folder, 'MASK.tif')).pixels, 'noData', red.length - 1)).toBe(true)
})

test('voids of a DEM are filled from their edges: nobody sees them in pressure or slopes', async () => {
  const dem = (name: string, hasVoid: boolean) => {
    const path = join(home, name)
    const [side, none] = [120, -9999]
    const made = gdal.open(path, 'w', 'GTiff', side, side, 1, gdal.GDT_Float32)
    made.srs = gdal.SpatialReference.fromEPSG(32631)
    made.geoTransform = [295000, 1000, 0, 4905000, 0, -1000]
    const band = made.bands.get(1)
    band.noDataValue = none
    const heights = Float32Array.from({ length: side * side }, (_, i) =>
      hasVoid && i % side > 57 && i % side < 62 && i > 58 * side && i < 62 * side ? none : 300 + (i % side),
    )
    band.pixels.write(0, 0, side, side, heights)
    made.close()
    return path
  }
  const { folder: full } = await correct(whole, { dem: dem('full.tif', false), wv: 2 })
  const { folder: holed } = await correct(whole, { dem: dem('holed.tif', true), wv: 2 }, 'holed')
  expect(reportOf(holed).flags).not.toContain('dem_incomplete')
  for (const name of ['B02_sre.tif', 'B04_fre.tif']) {
    const [a, b] = [readPixels(join(full, name)).pixels, readPixels(join(holed, name)).pixels]
    let most = 0
    for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!))
    expect(most, name).toBeLessThan(20)
  }
  // The parameter is of a column above sea level, the map of what lies above the ground, 300 to 420 m high.
  const above = (altitudeM: number) => 2000 * waterShareAbove(pressureAtAltitude(altitudeM) / SEA_LEVEL_HPA)
  const wv = readPixels(join(full, 'WV.tif')).pixels.filter((value) => value !== -32768)
  expect(wv.length).toBeGreaterThan(0)
  expect(Math.min(...wv)).toBeGreaterThan(above(425))
  expect(Math.max(...wv)).toBeLessThan(above(295))
})

test('a sun more than 75 degrees from the zenith is corrected, and every pixel says so', async () => {
  const { safePath } = await simulateL1c({
    ...{ tile: '34VCL', date: '2025-02-05', pixelSizeM: 600, seed: 3, baseline: '05.11' },
    ...{ outDir: join(home, 'north'), withTci: false },
  })
  const granule = join(safePath, 'GRANULE')
  const xml = readFileSync(join(granule, readdirSync(granule)[0]!, 'MTD_TL.xml'), 'utf8')
  const zenithDeg = /<Mean_Sun_Angle>\s*<ZENITH_ANGLE[^>]*>([^<]+)</.exec(xml)?.[1]
  expect(Number(zenithDeg)).toBeGreaterThan(75)
  const { folder } = await correct(safePath)
  expect(shareOf(readPixels(join(folder, 'MASK.tif')).pixels, 'lowSun')).toBe(1)
})
