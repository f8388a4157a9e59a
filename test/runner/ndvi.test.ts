import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { archiveLimits } from '../../src/config/archive-limits.js'
import { convertL2a } from '../../src/runner/import-l2a/convert-l2a.js'
import { readForeignL2a } from '../../src/products/foreign/read-foreign-l2a.js'
import { stacItemFaults } from '../../src/products/stac/validate-stac-item.js'
import { correctToFolder } from '../../src/runner/l2a/correct-to-folder.js'
import { ndviToFolder, type NdviToFolderOptions } from '../../src/runner/ndvi/ndvi-to-folder.js'
import { simulateL1c, type SimulatedProduct } from '../../src/simulator/simulate-l1c.js'
import { simulateLandsat } from '../../src/simulator/landsat/simulate-landsat.js'
import { temporaryFolder } from '../support/cli.js'
import { checkCog } from '../support/cog-check.js'
import { makeL2aProduct, readPixels } from '../support/l2a-product.js'
import { makeMaja } from '../support/maja-product.js'
import { validateCog } from '../support/validate-cog.js'

const home = temporaryFolder('ndvi')
const common = {
  ...{ parameters: {}, threads: 2, blockSize: 1024, force: false },
  codec: 'deflate',
  signal: new AbortController().signal,
  onProgress: () => undefined,
} as const
const make = (input: string, out: string, more: Partial<NdviToFolderOptions> = {}) =>
  ndviToFolder({ ...common, input, out: join(home, out), ...more })
const correct = (product: string) =>
  correctToFolder({
    ...common,
    ...{
      product,
      scratch: join(home, 'scratch'),
      archiveLimits: archiveLimits({}),
    },
    previous: null,
    ...{
      parameters: { aot: 0.15, wv: 2, ozone: 300, adjacency: false },
      out: join(home, 'l2a'),
      onNote: () => undefined,
    },
  })
const reportOf = (folder: string) =>
  JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as {
    flags: string[]
    inputs: { name: string; detail: string }[]
    valid_share: number
    cloud_share: number | null
    bands: {
      min: number
      mean: number
      max: number
      quantiles: Record<string, number>
      clear: { share: number; mean: number }
    }[]
  }

describe('a simulated acquisition', () => {
  let source: SimulatedProduct
  let l2a = ''
  let product = ''
  beforeAll(async () => {
    // 1220 pixels along a side: 9 blocks of 512, 4 of 1024, 1 of 2048.
    source = await simulateL1c({
      ...{ tile: '31TCJ', date: '2025-06-14', pixelSizeM: 90, seed: 3, baseline: '05.11', outDir: home },
      withTci: false,
    })
    l2a = (await correct(source.safePath)).folder
    product = (await make(l2a, 'l3b')).folder
  })

  test('has the name of its L2A product with the level L3B, and all files', () => {
    expect(product).toMatch(/S2A_L3B_31TCJ_20250614T\d{6}_R\d{3}$/)
    expect(readdirSync(product).sort()).toEqual([
      'MASK.tif',
      'NDVI.tif',
      'item.json',
      'quicklook.png',
      'report.json',
    ])
  })

  test('is the NDVI of the L2A reflectances, no more and no less', () => {
    const [nir, red] = [readPixels(join(l2a, 'B08_sre.tif')), readPixels(join(l2a, 'B04_sre.tif'))]
    const found = readPixels(join(product, 'NDVI.tif'))
    expect(found.width).toBe(nir.width)
    let compared = 0
    found.pixels.forEach((value, i) => {
      const [a, b] = [nir.pixels[i]!, red.pixels[i]!]
      const sum = Math.max(a, 0) + Math.max(b, 0)
      const isKnown = a !== -32768 && b !== -32768 && sum >= 100
      if (isKnown !== (value !== -32768)) throw new Error(`pixel ${i}: ${value} of ${a} and ${b}`)
      if (!isKnown) return
      compared++
      const exact = (10_000 * (Math.max(a, 0) - Math.max(b, 0))) / sum
      if (Math.abs(value - exact) > 0.5) throw new Error(`pixel ${i}: ${value}, expected ${exact}`)
    })
    expect(compared).toBeGreaterThan(1_000_000)
    expect(readPixels(join(product, 'MASK.tif'))).toEqual(readPixels(join(l2a, 'MASK.tif')))
  })

  test('is close to that of the true reflectances: half of the clear pixels within 0.01, 95 % within 0.05', () => {
    const [nir, red] = [
      readPixels(join(source.truthDir, 'B08.tif')),
      readPixels(join(source.truthDir, 'B04.tif')),
    ]
    const errors: number[] = []
    readPixels(join(product, 'NDVI.tif')).pixels.forEach((value, i) => {
      const [a, b] = [nir.pixels[i]!, red.pixels[i]!]
      if (value !== -32768 && a !== -32768 && b !== -32768 && a + b > 500)
        errors.push(Math.abs(value / 10_000 - (a - b) / (a + b)))
    })
    errors.sort((a, b) => a - b)
    expect(errors.length).toBeGreaterThan(1_000_000)
    expect(errors[Math.floor(errors.length * 0.5)]).toBeLessThan(0.01)
    expect(errors[Math.floor(errors.length * 0.95)]).toBeLessThan(0.05)
  })

  test('has valid COGs and a valid item that says which reflectance', async () => {
    for (const file of ['NDVI.tif', 'MASK.tif']) {
      expect(checkCog(join(product, file)), file).toEqual([])
      expect(await validateCog(join(product, file)), file).toBe('')
    }
    const item = JSON.parse(readFileSync(join(product, 'item.json'), 'utf8')) as { properties: object }
    expect(await stacItemFaults(item)).toEqual([])
    expect(item).toMatchObject({
      properties: { 'processing:level': 'L3B', 'tilth:reflectance': 'sre', platform: 'sentinel-2a' },
      assets: { NDVI: { nodata: -32768, 'raster:scale': 0.0001 }, MASK: { data_type: 'uint16' } },
    })
  })

  test('reports mean and quantiles that follow from the pixels', () => {
    const values = readPixels(join(product, 'NDVI.tif'))
      .pixels.filter((value) => value !== -32768)
      .sort((a, b) => a - b)
    const { bands, valid_share, flags, inputs } = reportOf(product)
    const at = (share: number) => values[Math.ceil(share * values.length) - 1]! / 10_000
    expect(bands[0]).toMatchObject({
      ...{ min: values[0]! / 10_000, max: values.at(-1)! / 10_000 },
      quantiles: { p05: at(0.05), p25: at(0.25), p50: at(0.5), p75: at(0.75), p95: at(0.95) },
    })
    expect(bands[0]!.mean).toBeCloseTo(values.reduce((s, v) => s + v, 0) / values.length / 10_000, 5)
    expect(valid_share).toBeCloseTo(values.length / 1220 ** 2, 6)
    expect(flags).toEqual(['sre'])
    expect(inputs[0]!.detail).toContain('B08 and B04')
  })

  test('has the same bytes for any threads and block size', async () => {
    const digest = (folder: string) =>
      ['NDVI.tif', 'MASK.tif', 'quicklook.png'].map((file) =>
        createHash('sha256')
          .update(readFileSync(join(folder, file)))
          .digest('hex'),
      )
    for (const [threads, blockSize] of [
      [1, 512],
      [2, 2048],
      [3, 512],
    ] as const) {
      const other = await make(l2a, `same-${threads}-${blockSize}`, { threads, blockSize })
      expect(digest(other.folder), `${threads} threads, blocks of ${blockSize}`).toEqual(digest(product))
    }
  })
})

test('Landsat: B05 and B04 of a simulated scene at its own grid', async () => {
  const { productPath } = await simulateLandsat({
    ...{ tile: '198030', date: '2025-05-12', pixelSizeM: 600, seed: 3, outDir: home },
  })
  const l2a = (await correct(productPath)).folder
  const { folder, name } = await make(l2a, 'landsat')
  expect(name).toMatch(/^LC08_L3B_198030_20250512T\d{6}_R198$/)
  const [nir, red] = [readPixels(join(l2a, 'B05_sre.tif')), readPixels(join(l2a, 'B04_sre.tif'))]
  const found = readPixels(join(folder, 'NDVI.tif'))
  const i = found.pixels.findIndex((value) => value > 6000)
  expect(found.pixels[i]).toBe(
    Math.round((10_000 * (nir.pixels[i]! - red.pixels[i]!)) / (nir.pixels[i]! + red.pixels[i]!)),
  )
  expect(await stacItemFaults(JSON.parse(readFileSync(join(folder, 'item.json'), 'utf8')))).toEqual([])
})

test('a product of MAJA gives the NDVI of its slope-corrected reflectance, under a name of its own', async () => {
  const { source } = await readForeignL2a(makeMaja(home))
  mkdirSync(join(home, 'maja'))
  const signal = common.signal
  const l2a = await convertL2a({
    source,
    into: join(home, 'maja'),
    threads: { value: 2, onChange: () => () => undefined },
    blockSize: 1024,
    codec: 'deflate',
    signal,
    onProgress: () => undefined,
  })
  const { folder, name } = await make(l2a.folder, 'of-maja', { parameters: { min_sum: 0.0001 } })
  expect(name).toMatch(/_L3B_32MNE_.*_MAJA$/)
  expect(reportOf(folder).flags).toEqual(['fre'])
  // Invented FRE of every band is 100 + 10 x at column x: equal bands, an index of 0.
  expect(new Set(readPixels(join(folder, 'NDVI.tif')).pixels)).toEqual(new Set([-32768, 0]))
})

describe('clouds and what cannot be made', () => {
  const name = 'S2B_L2A_31TCJ_20250601T105031_R051'
  const files = { 'B04_sre.tif': () => 1000, 'B08_sre.tif': (x: number) => 1000 + 100 * (x % 40) }
  const product = (folder: string, more: object = {}) =>
    makeL2aProduct(join(home, folder), {
      ...{ name, size: 600, files, mask: (x) => (x < 300 ? 0 : 3), cloudPercent: 50 },
      ...more,
    })

  test('the index is kept under clouds; the mask tells them, statistics leave them out', async () => {
    const { folder, mean } = await make(product('cloudy'), 'cloudy-out')
    expect(readPixels(join(folder, 'NDVI.tif')).pixels.every((value) => value !== -32768)).toBe(true)
    expect(readPixels(join(folder, 'MASK.tif')).pixels.slice(299, 301)).toEqual([0, 3])
    const { cloud_share, bands } = reportOf(folder)
    expect(cloud_share).toBe(0.5)
    expect(bands[0]!.clear.share).toBe(0.5)
    // Columns 0 to 299: 7 whole periods of 40 and half of one, whose index is lower than the mean of all.
    const index = (x: number) => Math.round((10_000 * (x % 40)) / ((x % 40) + 20))
    const expected = Array.from({ length: 300 }, (_, x) => index(x)).reduce((s, v) => s + v, 0) / 300
    expect(bands[0]!.clear.mean).toBeCloseTo(expected / 10_000, 5)
    expect(mean).toBe(bands[0]!.clear.mean)
    expect(bands[0]!.mean).not.toBe(mean)
  })

  const broken: readonly [string, (folder: string) => void, string, RegExp][] = [
    [
      'a missing band',
      (f) => {
        rmSync(join(f, 'B08_sre.tif'))
      },
      'PRODUCT_INCOMPLETE',
      /B08_sre\.tif' is missing/,
    ],
    [
      'a cut image',
      (f) => {
        truncateSync(join(f, 'B04_sre.tif'), 500)
      },
      'RASTER_UNREADABLE',
      /B04_sre\.tif' has 500 bytes/,
    ],
    [
      'an item that is no JSON',
      (f) => {
        writeFileSync(join(f, 'item.json'), '{')
      },
      'METADATA_INVALID',
      /item\.json/,
    ],
    [
      'a folder without item',
      (f) => {
        rmSync(join(f, 'item.json'))
      },
      'PRODUCT_UNSUPPORTED',
      /no readable item\.json/,
    ],
    [
      'no folder',
      (f) => {
        rmSync(f, { recursive: true })
      },
      'NOT_FOUND',
      /There is no folder/,
    ],
  ]
  test.each(broken)('%s is named, and nothing is left', async (what, breakIt, code, message) => {
    const folder = product(`broken ${what}`)
    breakIt(folder)
    const failed = make(folder, `out ${what}`)
    await expect(failed).rejects.toMatchObject({ code })
    await expect(failed).rejects.toThrow(message)
    expect(readdirSync(join(home, `out ${what}`))).toEqual([])
  })

  test('a block that cannot be decoded is named with its file', async () => {
    const folder = product('torn block')
    const path = join(folder, 'B08_sre.tif')
    const bytes = readFileSync(path)
    bytes.fill(0x55, 300, bytes.length - 300)
    writeFileSync(path, bytes)
    await expect(make(folder, 'torn-out')).rejects.toMatchObject({ code: 'RASTER_UNREADABLE' })
    await expect(make(folder, 'torn-out')).rejects.toThrow(/B08_sre\.tif/)
    expect(readdirSync(join(home, 'torn-out'))).toEqual([])
  })

  test('a product without near infrared says what it has; two kinds of reflectance are not mixed', async () => {
    const only = product('no nir', { files: { 'B04_sre.tif': () => 1 } })
    await expect(make(only, 'x')).rejects.toThrow(/B08 missing; it has B04_sre\.tif, MASK\.tif/)
    const mixed = product('two kinds', { files: { 'B04_sre.tif': () => 1, 'B08_fre.tif': () => 1 } })
    await expect(make(mixed, 'x')).rejects.toThrow(/not all of them are of one kind/)
  })

  test('grids that differ, and a product without any index, are refused', async () => {
    const folder = product('grids')
    const other = product('grids2', { size: 601 })
    const item = JSON.parse(readFileSync(join(folder, 'item.json'), 'utf8')) as {
      assets: Record<string, Record<string, unknown>>
    }
    const mask = readFileSync(join(other, 'MASK.tif'))
    writeFileSync(join(folder, 'MASK.tif'), mask)
    item.assets['MASK']!['file:size'] = mask.length
    writeFileSync(join(folder, 'item.json'), JSON.stringify(item))
    await expect(make(folder, 'x')).rejects.toMatchObject({ code: 'GRID_MISMATCH' })
    const dark = product('dark', { files: { 'B04_sre.tif': () => 5, 'B08_sre.tif': () => -5 } })
    await expect(make(dark, 'x')).rejects.toMatchObject({ code: 'NO_VALID_PIXEL' })
    expect(readdirSync(join(home, 'x'))).toEqual([])
  })

  test('a run that is stopped half-way leaves nothing; an existing product is replaced only by force', async () => {
    const controller = new AbortController()
    const stopped = make(product('stop', { size: 1500 }), 'stopped', {
      ...{ signal: controller.signal, blockSize: 512, threads: 1 },
      onProgress: () => {
        controller.abort(new Error('enough'))
      },
    })
    await expect(stopped).rejects.toThrow('enough')
    expect(readdirSync(join(home, 'stopped'))).toEqual([])
    const folder = product('twice')
    await make(folder, 'twice-out')
    await expect(make(folder, 'twice-out')).rejects.toMatchObject({ code: 'CONFLICT' })
    await expect(make(folder, 'twice-out', { force: true })).resolves.toBeDefined()
  })
})
