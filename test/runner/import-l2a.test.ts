import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import gdal from 'gdal-async'
import { beforeAll, describe, expect, test } from 'vitest'
import { MASK_BITS } from '../../src/domain/mask-bits.js'
import { readSen2cor } from '../../src/products/foreign/read-sen2cor.js'
import { convertL2a, storedReflectance } from '../../src/runner/import-l2a/convert-l2a.js'
import { checkCog, compressionOf } from '../support/cog-check.js'
import { CLASSES, dnAt, fillSen2cor } from '../support/sen2cor-safe.js'
import { hasSharedData, temporaryFolder } from '../support/cli.js'

/** Real metadata by processing baseline: without offset (02.12, 02.14), with it (04.00, 05.09). */
const PRODUCTS = [
  ['02.12', 'S2A_MSIL2A_20190212T192651_N0212_R013_T07HFE_20201007T160857.SAFE', 0],
  ['02.14', 'esa_S2B_MSIL2A_20210122T133229_N0214_R081_T22HBD_20210122T155500.SAFE', 0],
  ['04.00', 'S2B_MSIL2A_20220413T150759_N0400_R025_T33XWJ_20220414T082126.SAFE', -1000],
  ['05.09', 'S2A_MSIL2A_20230821T221941_N0509_R029_T01KAB_20230822T021825.SAFE', -1000],
] as const
const folder = temporaryFolder('import l2a')
function read(path: string): { data: number[]; width: number } {
  const dataset = gdal.open(path)
  const { x: width, y: height } = dataset.rasterSize
  const data = Array.from(dataset.bands.get(1).pixels.read(0, 0, width, height))
  dataset.close()
  return { data, width }
}
const has = (bits: number, ...names: (keyof typeof MASK_BITS)[]) =>
  names.every((name) => (bits & (1 << MASK_BITS[name])) !== 0)

test('stored reflectance: offset and scale by hand, no-data before the offset, clipped and negative values', () => {
  const band = { offset: -1000, quantification: 10_000, noData: 0 }
  expect(storedReflectance(1234, band)).toBe(234)
  expect(storedReflectance(900, band)).toBe(-100)
  expect(storedReflectance(0, band)).toBe(-32768)
  expect(storedReflectance(65535, band)).toBe(32767)
  // A quantification of 5000: (600 + 0) / 5000 = 0.12.
  expect(storedReflectance(600, { offset: 0, quantification: 5000, noData: 0 })).toBe(1200)
})

describe.skipIf(!hasSharedData).each(PRODUCTS)('Sen2Cor, baseline %s', (baseline, name, offset) => {
  let safe: string
  let product: string
  beforeAll(async () => {
    safe = fillSen2cor(folder, name)
    const into = join(folder, `out ${baseline}`)
    mkdirSync(into)
    const source = await readSen2cor(safe)
    expect(source).toMatchObject({
      producer: { name: 'Sen2Cor', version: `baseline ${baseline}` },
      masks: [{}],
    })
    expect(source.bands.map(({ id, offset: o }) => [id, o])).toEqual(
      ['B01', 'B02', 'B03', 'B04', 'B05', 'B06', 'B07', 'B08', 'B8A', 'B11', 'B12'].map((id) => [id, offset]),
    )
    const options = {
      source,
      into,
      threads: { value: 2, onChange: () => () => undefined },
      blockSize: 1024,
      codec: 'zstd' as const,
      signal: new AbortController().signal,
      onProgress: () => undefined,
    }
    product = (await convertL2a(options)).folder
  })

  test('every band has its values with the offset applied, no-data, and a valid COG', () => {
    for (const band of ['B01', 'B03', 'B8A', 'B12']) {
      const path = join(product, `${band}_sre.tif`)
      const { data, width } = read(path)
      data.forEach((value, i) => {
        const dn = dnAt(band, ((i % width) + 0.5) / width, (Math.floor(i / width) + 0.5) / width)
        expect(value).toBe(dn === 0 ? -32768 : Math.min(32767, dn + offset))
      })
      expect(checkCog(path)).toEqual([])
      expect(compressionOf(path)).toBe('ZSTD')
    }
  })

  test('classes are copied, and the mask says the same in bits', () => {
    const scl = read(join(product, 'SCL.tif'))
    scl.data.forEach((value, i) => {
      expect(value).toBe(CLASSES[Math.floor((((i % scl.width) + 0.5) / scl.width) * 10)])
    })
    const mask = read(join(product, 'MASK.tif'))
    const at = (tenth: number) =>
      mask.data[Math.floor(mask.width * (tenth / 10 + 0.05)) + 5 * mask.width] ?? 0
    expect(has(at(0), 'noData')).toBe(true)
    expect(at(3)).toBe(0)
    expect([2, 4, 5, 6, 7, 8, 9].map(at)).toEqual(
      [
        ['cloudOrShadow', 'shadowInside'],
        ['water'],
        ['cloudOrShadow', 'cloud'],
        ['cloudOrShadow', 'cloud'],
        ['cirrus'],
        ['snow'],
        ['saturatedVisible'],
      ].map((names) =>
        names.reduce((bits, one) => bits | (1 << MASK_BITS[one as keyof typeof MASK_BITS]), 0),
      ),
    )
    expect(has(mask.data.at(-1) ?? 0, 'saturatedVisible')).toBe(true)
  })

  test('atmosphere, item and report are ours; they name the processor that made it', () => {
    expect(new Set(read(join(product, 'AOT.tif')).data)).toEqual(new Set([-32768, 123]))
    expect(new Set(read(join(product, 'WV.tif')).data)).toEqual(new Set([-32768, 2345]))
    const report = JSON.parse(readFileSync(join(product, 'report.json'), 'utf8')) as {
      flags: string[]
      inputs: { detail: string }[]
    }
    expect(report.flags).toEqual(['foreign_l2a'])
    expect(report.inputs[0]?.detail).toBe(`Sen2Cor, baseline ${baseline}`)
    const item = JSON.parse(readFileSync(join(product, 'item.json'), 'utf8')) as {
      properties: Record<string, unknown>
      assets: object
    }
    expect(item.properties['processing:software']).toMatchObject({ sen2cor: `baseline ${baseline}` })
    expect(Object.keys(item.assets)).toHaveLength(17)
    expect(existsSync(join(product, 'quicklook.png'))).toBe(true)
  })

  test('what is missing or wrong is named', async () => {
    const xml = join(safe, 'MTD_MSIL2A.xml')
    const text = readFileSync(xml, 'utf8')
    if (offset !== 0) {
      writeFileSync(xml, text.replace(/<BOA_ADD_OFFSET band_id="3">[^<]*<\/BOA_ADD_OFFSET>/, ''))
      await expect(readSen2cor(safe)).rejects.toMatchObject({ code: 'METADATA_INVALID' })
      writeFileSync(xml, text)
    }
    const [image = ''] = readdirSync(safe, { recursive: true, encoding: 'utf8' }).filter((one) =>
      one.endsWith('B08_10m.jp2'),
    )
    rmSync(join(safe, image))
    await expect(readSen2cor(safe)).rejects.toMatchObject({
      code: 'PRODUCT_INCOMPLETE',
      message: expect.stringContaining('B08') as string,
    })
    rmSync(xml)
    await expect(readSen2cor(safe)).rejects.toMatchObject({ code: 'PRODUCT_INCOMPLETE' })
    rmSync(join(safe, 'GRANULE'), { recursive: true })
    await expect(readSen2cor(safe)).rejects.toMatchObject({ code: 'PRODUCT_UNSUPPORTED' })
  })
})
