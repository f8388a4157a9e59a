import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import gdal from 'gdal-async'
import { beforeAll, describe, expect, test } from 'vitest'
import { findProducts } from '../../src/products/find-products.js'
import { readForeignL2a } from '../../src/products/foreign/read-foreign-l2a.js'
import { convertL2a } from '../../src/runner/import-l2a/convert-l2a.js'
import { temporaryFolder } from '../support/cli.js'
import { MAJA_NAME, R1_SIZE, makeMaja, reflectanceAt } from '../support/maja-product.js'

const folder = temporaryFolder('import maja')
const columns = (path: string): number[] => {
  const dataset = gdal.open(path)
  const { x: width } = dataset.rasterSize
  const row = Array.from(dataset.bands.get(1).pixels.read(0, 3, width, 1))
  dataset.close()
  // At 20 m, from whatever the file has.
  return Array.from({ length: R1_SIZE / 2 }, (_, x) => row[Math.floor((x * width * 2) / R1_SIZE)] ?? NaN)
}

describe('a product of MAJA', () => {
  let product = ''
  let files: string[] = []
  beforeAll(async () => {
    const path = makeMaja(folder)
    const loose = join(folder, 'loose')
    mkdirSync(loose)
    writeFileSync(join(loose, 'B04.tif'), '')
    const unknown: string[] = []
    const found = await findProducts(folder, (one) => unknown.push(one))
    expect(found).toEqual([{ kind: 's2_l2a_maja', path }])
    // Rasters that are no product are named; those of the product are not.
    expect(unknown).toEqual([loose])
    const { source } = await readForeignL2a(path)
    expect(source).toMatchObject({
      producer: { name: 'MAJA', version: 'product version 1.4' },
      platform: 'S2A',
      tile: '32MNE',
      sensedAt: '2017-04-02T09:38:44.724Z',
      sun: { zenith: 28.5, azimuth: 61.25 },
    })
    const into = join(folder, 'out')
    mkdirSync(into)
    const signal = new AbortController().signal
    const done = await convertL2a({
      ...{ source, into, signal, blockSize: 1024, codec: 'deflate', onProgress: () => undefined },
      threads: { value: 2, onChange: () => () => undefined },
    })
    product = done.folder
    files = readdirSync(product).sort()
    expect(done.name).toMatch(/^S2A_L2A_32MNE_20170402T093844_R\d{3}_MAJA$/)
  })

  test('has both reflectances, negative values kept, -10000 as our no-data', () => {
    expect(files.filter((name) => /_(sre|fre)\.tif$/.test(name))).toHaveLength(20)
    for (const [file, kind] of [
      ['B02_sre.tif', 'SRE'],
      ['B8A_fre.tif', 'FRE'],
      ['B12_sre.tif', 'SRE'],
    ] as const)
      expect(columns(join(product, file)), file).toEqual(
        Array.from({ length: R1_SIZE / 2 }, (_, x) => (x < 4 ? -32768 : reflectanceAt(kind, x))),
      )
  })

  test('has vapour and aerosol in our scale: 45 / 20 g/cm2 and 30 / 200', () => {
    expect(new Set(columns(join(product, 'WV.tif')))).toEqual(new Set([-32768, 2250]))
    expect(new Set(columns(join(product, 'AOT.tif')))).toEqual(new Set([-32768, 150]))
  })

  test('has each bit of its masks where ours is, and nothing else', () => {
    const mask = columns(join(product, 'MASK.tif'))
    expect(mask.slice(0, 8)).toEqual([32768, 32768, 32768, 32768, 0, 0, 0, 0])
    // CLM: all, cloud, mono-temporal, multi-temporal, thin, shadow inside, shadow outside, cirrus.
    expect(mask.slice(8, 16)).toEqual([1, 2, 16, 32, 64, 4, 8, 128])
    // MG2: water, cloud, snow, shadow, topographic shadow, hidden, sun too low, tangent sun.
    expect(mask.slice(16, 24)).toEqual([512, 0, 256, 0, 1024, 0, 2048, 2048])
    // SAT: B2, B3, B4, B8.
    expect(mask.slice(24, 32)).toEqual([8192, 8192, 8192, 0, 0, 0, 0, 0])
    expect(new Set(mask.slice(32))).toEqual(new Set([0]))
    expect(files).not.toContain('SCL.tif')
  })
})

describe('what is wrong with a product of MAJA is named', () => {
  const spoil = (change: (path: string) => void) => {
    const path = makeMaja(temporaryFolder('broken maja'))
    change(path)
    return readForeignL2a(path)
  }
  const inXml = (from: string, to: string) => (path: string) => {
    const file = join(path, `${MAJA_NAME}_MTD_ALL.xml`)
    const text = readFileSync(file, 'utf8')
    expect(text).toContain(from)
    writeFileSync(file, text.replace(from, to))
  }
  test.each([
    [
      'a missing band',
      'PRODUCT_INCOMPLETE',
      /FRE_B11/,
      (p: string) => {
        rmSync(join(p, `${MAJA_NAME}_FRE_B11.tif`))
      },
    ],
    [
      'a missing mask',
      'PRODUCT_INCOMPLETE',
      /CLM_R1/,
      (p: string) => {
        rmSync(join(p, `MASKS/${MAJA_NAME}_CLM_R1.tif`))
      },
    ],
    [
      'no metadata',
      'PRODUCT_INCOMPLETE',
      /MTD_ALL/,
      (p: string) => {
        rmSync(join(p, `${MAJA_NAME}_MTD_ALL.xml`))
      },
    ],
    ['metadata that are cut', 'METADATA_INVALID', /MTD_ALL/, inXml('</Muscate_Metadata_Document>', '')],
    ['no no-data value', 'METADATA_INVALID', /nodata/, inXml('name="nodata"', 'name="x"')],
    ['a quantification of 0', 'METADATA_INVALID', /REFLECTANCE/, inXml('VALUE>10000<', 'VALUE>0<')],
    ['a path out of the product', 'METADATA_INVALID', /path inside/, inXml('./SENTINEL', '../SENTINEL')],
    ['another satellite', 'PRODUCT_UNSUPPORTED', /VENUS/, inXml('>SENTINEL2A<', '>VENUS<')],
    [
      'an image that is cut',
      'RASTER_UNREADABLE',
      /SRE_B2/,
      (p: string) => {
        const file = join(p, `${MAJA_NAME}_SRE_B2.tif`)
        writeFileSync(file, readFileSync(file).subarray(0, 6000))
      },
    ],
  ] as const)('%s: %s', async (_, code, message, change) => {
    await expect(spoil(change)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    })
  })

  test('without the slope-corrected images the others are taken, and that is noted', async () => {
    const { source } = await spoil((path) => {
      for (const name of readdirSync(path)) if (name.includes('_FRE_')) rmSync(join(path, name))
    })
    expect(source.bands.map(({ kind }) => kind)).toEqual(Array.from({ length: 10 }, () => 'sre'))
    expect(source.notes.join()).toContain('no FRE images')
  })
})
