import { mkdirSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import gdal from 'gdal-async'
import { beforeAll, describe, expect, test } from 'vitest'
import { archiveLimits } from '../../../src/config/archive-limits.js'
import { MASK_BITS } from '../../../src/domain/mask-bits.js'
import { readForeignL2a } from '../../../src/products/foreign/read-foreign-l2a.js'
import type { Layout } from '../../../src/products/layouts/export-facts.js'
import { exportToFolder } from '../../../src/runner/export/export-product.js'
import { convertL2a } from '../../../src/runner/import-l2a/convert-l2a.js'
import { correctToFolder } from '../../../src/runner/l2a/correct-to-folder.js'
import { simulateL1c } from '../../../src/simulator/simulate-l1c.js'
import { temporaryFolder } from '../../support/cli.js'
import { checkCog } from '../../support/cog-check.js'
import { makeL2aProduct, readPixels } from '../../support/l2a-product.js'

const home = temporaryFolder('export')
const signal = new AbortController().signal
const quiet = { onProgress: () => undefined, onNote: () => undefined }
let own: string
beforeAll(async () => {
  const { safePath } = await simulateL1c({
    ...{ tile: '31TCJ', date: '2025-05-15', pixelSizeM: 240, seed: 3, baseline: '05.11', orbit: 51 },
    ...{ outDir: join(home, 'l1'), withTci: false, cloudCover: 0.3 },
  })
  const made = await correctToFolder({
    ...{
      product: safePath,
      previous: null,
      parameters: { aot: 0.15 },
      threads: 2,
      blockSize: 1024,
      force: true,
    },
    ...{ codec: 'deflate', signal, scratch: join(home, 'scratch'), archiveLimits: archiveLimits({}) },
    ...{ out: join(home, 'own'), ...quiet },
  })
  own = made.folder
})

const write = (product: string, layout: Layout, out = join(home, layout)) =>
  exportToFolder({ product, layout, out, threads: 2, codec: 'deflate', force: true, signal, ...quiet })

/** What our own reader of foreign products makes of one. */
async function readBack(product: string): Promise<string> {
  const { source } = await readForeignL2a(product)
  const into = join(home, `back ${source.producer.name} ${Math.random()}`)
  mkdirSync(into)
  const threads = { value: 2, onChange: () => () => undefined }
  const form = { blockSize: 1024, codec: 'deflate' } as const
  return (await convertL2a({ source, into, threads, ...form, signal, ...quiet })).folder
}
const pixels = (folder: string, file: string) => readPixels(join(folder, file)).pixels
const bit = (name: keyof typeof MASK_BITS) => 1 << MASK_BITS[name]

describe('Sen2Cor', () => {
  let safe: string
  let back: string
  beforeAll(async () => {
    safe = (await write(own, 'sen2cor')).folder
    back = await readBack(safe)
  })

  test('read again, every band has the same values; below -0.0999 there are none', () => {
    for (const file of readdirSync(own).filter((name) => name.endsWith('_sre.tif')))
      expect(pixels(back, file), file).toEqual(
        pixels(own, file).map((v) => (v === -32768 ? v : Math.max(-999, Math.min(64534, v)))),
      )
  })

  test('classes are the same, the mask is what they say, AOT and water vapour are the same', () => {
    expect(pixels(back, 'SCL.tif')).toEqual(pixels(own, 'SCL.tif'))
    expect(new Set(pixels(back, 'AOT.tif'))).toEqual(new Set(pixels(own, 'AOT.tif')))
    expect(new Set(pixels(back, 'WV.tif'))).toEqual(new Set(pixels(own, 'WV.tif')))
  })

  test('numbers are those of Sen2Cor: an offset of -1000, 0 for no-data; names and folders too', () => {
    expect(safe).toMatch(/\/S2A_MSIL2A_20250515T\d{6}_N9999_R051_T31TCJ_\d{8}T\d{6}\.SAFE$/)
    const [granule = ''] = readdirSync(join(safe, 'GRANULE'))
    expect(granule).toMatch(/^L2A_T31TCJ_A\d{6}_20250515T\d{6}$/)
    expect(granule).not.toContain('_A000000_')
    const images = join(safe, 'GRANULE', granule, 'IMG_DATA')
    const name = readdirSync(join(images, 'R10m')).find((one) => one.endsWith('_B02_10m.jp2')) ?? ''
    expect(name).toMatch(/^T31TCJ_20250515T\d{6}_B02_10m\.jp2$/)
    expect(pixels(join(images, 'R10m'), name)).toEqual(
      pixels(own, 'B02_sre.tif').map((v) => (v === -32768 ? 0 : Math.max(1, v + 1000))),
    )
    expect(
      readdirSync(join(images, 'R60m'))
        .map((one) => one.slice(23, 26))
        .sort(),
    ).toEqual([
      'AOT',
      'B01',
      'B02',
      'B03',
      'B04',
      'B05',
      'B06',
      'B07',
      'B11',
      'B12',
      'B8A',
      'SCL',
      'TCI',
      'WVP',
    ])
  })

  test("GDAL's driver for Sentinel-2 finds its bands, their offset and the same numbers", () => {
    const xml = join(safe, 'MTD_MSIL2A.xml')
    const product = gdal.open(xml)
    expect(product.driver.description).toBe('SENTINEL2')
    const subdatasets = Object.values(product.getMetadata('SUBDATASETS') as Record<string, string>)
    const of = (size: string) => subdatasets.find((one) => one.includes(`:${size}:`)) ?? ''
    for (const [size, file] of [
      ['10m', 'B04_sre.tif'],
      ['20m', 'B05_sre.tif'],
    ] as const) {
      const opened = gdal.open(of(size))
      const bands = Array.from({ length: opened.bands.count() }, (_, i) => opened.bands.get(i + 1))
      const wanted = file.slice(0, 3).replace('B0', 'B')
      const band = bands.find((one) => (one.getMetadata() as Record<string, string>)['BANDNAME'] === wanted)
      expect(band, size).toBeDefined()
      const { x, y } = opened.rasterSize
      const read = Array.from(band!.pixels.read(0, 0, x, y))
      expect(read).toEqual(pixels(own, file).map((v) => (v === -32768 ? 0 : Math.max(1, v + 1000))))
      expect((opened.getMetadata() as Record<string, string>)['PRODUCT_URI']).toBe(safe.split('/').at(-1))
      opened.close()
    }
    product.close()
  })

  test('angles of the L1C product stand in the tile metadata, node by node, NaN where it states none', () => {
    const [granule = ''] = readdirSync(join(safe, 'GRANULE'))
    const grids = (path: string) =>
      [
        ...readFileSync(path, 'utf8').matchAll(
          /<Viewing_Incidence_Angles_Grids bandId="1" detectorId="(\d+)">([^]*?)<\/Viewing/g,
        ),
      ].map(([, detector, text = '']) => [
        Number(detector),
        [...text.matchAll(/<VALUES>([^<]*)</g)].map(([, line = '']) => line.trim().split(/\s+/).map(Number)),
      ])
    const l1 = readdirSync(join(home, 'l1')).find((one) => one.endsWith('.SAFE')) ?? ''
    const [l1Granule = ''] = readdirSync(join(home, 'l1', l1, 'GRANULE'))
    const before = grids(join(home, 'l1', l1, 'GRANULE', l1Granule, 'MTD_TL.xml'))
    const after = grids(join(safe, 'GRANULE', granule, 'MTD_TL.xml'))
    expect(before.length).toBeGreaterThan(1)
    expect(after).toEqual(
      before.map(([detector, rows]) => [
        detector,
        (rows as number[][]).map((row) => row.map((v) => (Number.isNaN(v) ? v : Math.round(v * 1e4) / 1e4))),
      ]),
    )
  })

  test('exported again it is the same byte by byte', async () => {
    const again = (await write(own, 'sen2cor', join(home, 'again'))).folder
    const files = readdirSync(safe, { recursive: true, encoding: 'utf8' }).filter((one) =>
      statSync(join(safe, one)).isFile(),
    )
    expect(files.length).toBeGreaterThan(30)
    for (const one of files)
      expect(readFileSync(join(again, one)).equals(readFileSync(join(safe, one))), one).toBe(true)
  })
})

describe('Theia', () => {
  let folder: string
  let back: string
  beforeAll(async () => {
    folder = (await write(own, 'theia')).folder
    back = await readBack(folder)
  })

  test('read again, every band that the format has is the same, and so is the mask but for bits that it lacks', () => {
    const bands = readdirSync(own).filter((name) => name.endsWith('_sre.tif') && !name.startsWith('B01'))
    expect(bands).toHaveLength(10)
    for (const file of bands) expect(pixels(back, file), file).toEqual(pixels(own, file))
    const kept = 0xffff & ~(bit('sunGlint') | bit('defaultAtmosphere'))
    expect(pixels(back, 'MASK.tif')).toEqual(pixels(own, 'MASK.tif').map((v) => v & kept))
  })

  test('files, no-data and scales are those of the format; the metadata name all files', () => {
    const name = folder.split('/').at(-1) ?? ''
    expect(name).toMatch(/^SENTINEL2A_20250515-\d{6}-\d{3}_L2A_T31TCJ_C_V\d+-0$/)
    expect(pixels(folder, `${name}_SRE_B8A.tif`)).toEqual(
      pixels(own, 'B8A_sre.tif').map((v) => (v === -32768 ? -10000 : v)),
    )
    const atmosphere = gdal.open(join(folder, `${name}_ATB_R1.tif`))
    const { x, y } = atmosphere.rasterSize
    const [vapour = [], aerosol = []] = [1, 2].map((i) =>
      Array.from(atmosphere.bands.get(i).pixels.read(0, 0, x, y)),
    )
    // Vapour is that of the image, on larger pixels of which each covers whole ones of R1; ours is g/cm2 x 1000, theirs x 20.
    const ours = gdal.open(join(own, 'WV.tif'))
    const fine = atmosphere.geoTransform?.[1] ?? NaN
    const ratio = (ours.geoTransform?.[1] ?? NaN) / fine
    expect(ratio).toBe(6)
    const wv = ours.bands.get(1).pixels.read(0, 0, ours.rasterSize.x, ours.rasterSize.y)
    const expected = vapour.map((_, i) => {
      const [column, row] = [Math.floor((i % x) / ratio), Math.floor(Math.floor(i / x) / ratio)]
      return (wv[row * ours.rasterSize.x + column] ?? NaN) / 50
    })
    ours.close()
    expect(vapour.findIndex((v, i) => !(Math.abs(v - (expected[i] ?? NaN)) <= 0.5001))).toBe(-1)
    expect(new Set(vapour).size).toBeGreaterThan(3)
    // Aerosol is that of the parameter: 0.15 x 200.
    expect(new Set(aerosol)).toEqual(new Set([30]))
    expect(atmosphere.bands.get(1).dataType).toBe('Byte')
    atmosphere.close()
    expect(checkCog(join(folder, 'MASKS', `${name}_CLM_R2.tif`))).toEqual([])
    const xml = readFileSync(join(folder, `${name}_MTD_ALL.xml`), 'utf8')
    const named = [...xml.matchAll(/<(?:IMAGE_FILE|MASK_FILE|QUICKLOOK)[^>]*>\.\/([^<]+)</g)].map(
      ([, file]) => file,
    )
    const there = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
      (one) => statSync(join(folder, one)).isFile() && !one.endsWith('.xml'),
    )
    expect([...new Set(named)].sort()).toEqual(there.sort())
  })

  test('every bit of ours is a bit of theirs, read again', async () => {
    const product = makeL2aProduct(join(home, 'bits'), {
      name: 'S2B_L2A_31TCJ_20250510T105031_R051',
      size: 96,
      files: {
        ...Object.fromEntries(
          ['B02', 'B03', 'B04', 'B05', 'B06', 'B07', 'B08', 'B8A', 'B11', 'B12'].flatMap((band) =>
            (['sre', 'fre'] as const).map((kind) => [
              `${band}_${kind}.tif`,
              (x: number, y: number) => x + y + (kind === 'sre' ? -20 : 20),
            ]),
          ),
        ),
        'AOT.tif': () => 200,
        'WV.tif': () => 2000,
      },
      mask: (x) => 1 << Math.floor(x / 6),
    })
    const exported = await write(product, 'theia', join(home, 'theia bits'))
    const again = await readBack(exported.folder)
    expect(pixels(again, 'B04_fre.tif')).toEqual(pixels(product, 'B04_fre.tif'))
    const kept = 0xffff & ~(bit('sunGlint') | bit('defaultAtmosphere'))
    expect(pixels(again, 'MASK.tif')).toEqual(pixels(product, 'MASK.tif').map((v) => v & kept))
  })
})

describe('HLS', () => {
  let folder: string
  let name: string
  beforeAll(async () => {
    folder = (await write(own, 'hls')).folder
    name = folder.split('/').at(-1) ?? ''
  })

  test('names are those of v2.0: year and day of the year, one COG a band, Fmask and angles', () => {
    expect(name).toMatch(/^HLS\.S30\.T31TCJ\.2025135T\d{6}\.v2\.0$/)
    expect(readdirSync(folder).sort()).toEqual(
      [
        'B01',
        'B02',
        'B03',
        'B04',
        'B05',
        'B06',
        'B07',
        'B08',
        'B11',
        'B12',
        'B8A',
        'Fmask',
        'SAA',
        'SZA',
        'VAA',
        'VZA',
      ].map((one) => `${name}.${one}.tif`),
    )
    for (const one of ['B02', 'Fmask', 'SZA'])
      expect(checkCog(join(folder, `${name}.${one}.tif`))).toEqual([])
  })

  test('a pixel is the mean of the nine below it, with -9999 for no-data', () => {
    const fine = readPixels(join(own, 'B04_sre.tif'))
    const coarse = readPixels(join(folder, `${name}.B04.tif`))
    expect(coarse.width).toBe(Math.ceil(fine.width / 3))
    let compared = 0
    for (let y = 0; y < Math.floor(fine.width / 3); y += 7)
      for (let x = 0; x < Math.floor(fine.width / 3); x += 5) {
        const nine = [0, 1, 2].flatMap((j) =>
          [0, 1, 2].map((i) => fine.pixels[(3 * y + j) * fine.width + 3 * x + i] ?? NaN),
        )
        const valid = nine.filter((v) => v !== -32768)
        const mean = valid.length < 5 ? -9999 : valid.reduce((a, b) => a + b, 0) / valid.length
        expect(Math.abs((coarse.pixels[y * coarse.width + x] ?? NaN) - mean)).toBeLessThanOrEqual(0.5001)
        compared++
      }
    expect(compared).toBeGreaterThan(500)
    const opened = gdal.open(join(folder, `${name}.B04.tif`))
    expect(opened.bands.get(1)).toMatchObject({ noDataValue: -9999, scale: 0.0001 })
    expect(opened.getMetadata()).toMatchObject({
      NCOLS: String(coarse.width),
      HORIZONTAL_CS_CODE: 'EPSG:32631',
      BRDF_NORMALISED: 'no',
    })
    opened.close()
  })

  test('angles are hundredths of degrees; those of the sun agree with the item', () => {
    const item = JSON.parse(readFileSync(join(own, 'item.json'), 'utf8')) as {
      properties: Record<string, number>
    }
    const zenith = readPixels(join(folder, `${name}.SZA.tif`)).pixels
    const mean = zenith.reduce((a, b) => a + b, 0) / zenith.length / 100
    expect(mean).toBeCloseTo(90 - (item.properties['view:sun_elevation'] ?? NaN), 0)
    const view = readPixels(join(folder, `${name}.VZA.tif`)).pixels.filter((v) => v !== 40000)
    expect(Math.max(...view)).toBeLessThan(1300)
    expect(view.length).toBeGreaterThan(100)
  })

  test('bits of Fmask by hand', async () => {
    const columns = [
      ['cloudOrShadow', 'cloud'],
      ['cloudOrShadow', 'shadowInside'],
      ['cloudOrShadow', 'shadowOutside'],
      ['cloudOrShadow'],
      ['cirrus'],
      ['snow'],
      ['water'],
      ['defaultAtmosphere'],
      ['noData'],
      [],
    ] as const
    const product = makeL2aProduct(join(home, 'fmask'), {
      name: 'S2B_L2A_31TCJ_20250510T105031_R051',
      size: 30,
      files: Object.fromEntries(
        ['B02_sre.tif', 'B03_sre.tif', 'B04_sre.tif', 'AOT.tif'].map((file) => [
          file,
          () => (file === 'AOT.tif' ? 300 : 500),
        ]),
      ),
      mask: (x) => (columns[Math.floor(x / 3)] ?? []).reduce((sum, one) => sum | bit(one), 0),
    })
    const exported = await write(product, 'hls', join(home, 'hls fmask'))
    const found = readPixels(join(exported.folder, `${exported.name}.Fmask.tif`)).pixels.slice(0, 10)
    // AOT 0.3 is moderate: bits 6 and 7 are 2. By default it is climatology: 0.
    const moderate = 2 << 6
    expect(found).toEqual([2, 8, 8, 4, 1, 16, 32].map((v) => v | moderate).concat([0, 255, moderate]))
    expect(exported.notes.join(' ')).toMatch(/no rasters of angles/)
  })
})

test('what is no product of Sentinel-2 of ours is refused, and a name that is taken', async () => {
  const landsat = makeL2aProduct(join(home, 'landsat'), {
    ...{ name: 'LC08_L2A_198030_20250510T104031_R198', size: 20, mask: () => 0 },
    files: { 'B04_sre.tif': () => 100 },
  })
  await expect(write(landsat, 'hls')).rejects.toMatchObject({
    code: 'PRODUCT_UNSUPPORTED',
    message: expect.stringContaining('--grid sentinel2:TILE') as unknown,
  })
  await expect(write(landsat, 'theia')).rejects.toMatchObject({ code: 'PRODUCT_UNSUPPORTED' })
  await expect(write(join(home, 'nowhere'), 'hls')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  const again = exportToFolder({
    ...{
      product: own,
      layout: 'hls',
      out: join(home, 'hls'),
      threads: 1,
      codec: 'deflate',
      force: false,
      signal,
    },
    ...quiet,
  })
  await expect(again).rejects.toMatchObject({ code: 'CONFLICT' })
  expect(readdirSync(join(home, 'hls')).filter((one) => one.startsWith('.'))).toEqual([])
})
