import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { stacItemFaults } from '../../src/products/stac/validate-stac-item.js'
import { openRaster } from '../../src/raster/open-raster.js'
import { filesBelow, tarOf } from '../support/archives.js'
import { validateCog } from '../support/validate-cog.js'
import { STATE_RASTERS } from '../support/l2a-files.js'
import { hasSharedData, productFolder, sharedData, temporaryFolder, tilth } from '../support/cli.js'

const L1 = join(sharedData, 'landsat-l1-decimated')
const CORUMBA = join(sharedData, 'landsat-l1-crops/corumba_20190809')

async function pixelsOf(path: string): Promise<{ grid: unknown; data: Float64Array }> {
  const reader = await openRaster(path)
  const data = new Float64Array(reader.width * reader.height)
  await reader.read(0, { x: 0, y: 0, width: reader.width, height: reader.height }, data)
  reader.close()
  return { grid: reader.grid, data }
}
const json = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
const out = temporaryFolder('landsat')
/** Corrects a product by the command line into a folder of its own. */
async function correct(product: string, name: string): Promise<string> {
  const into = join(out, name)
  const result = await tilth(['l2a', product, '--out', into, '--quiet'])
  expect(result.stderr).not.toMatch(/error/)
  expect(result.exitCode).toBe(0)
  return productFolder(into)
}

describe.skipIf(!hasSharedData)('Landsat-9, collection 2, the whole scene decimated', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await correct(join(L1, 'LC09_C2_112081'), 'lc09')
  })

  test('gives seven bands, masks, atmosphere, item, quicklook and report as valid COGs', async () => {
    const bands = ['B01', 'B02', 'B03', 'B04', 'B05', 'B06', 'B07'].map((band) => `${band}_sre.tif`)
    const others = [
      'AOT.tif',
      'WV.tif',
      'MASK.tif',
      'SCL.tif',
      'item.json',
      'quicklook.png',
      'report.json',
      ...STATE_RASTERS,
      ...['angles.json', 'SZA.tif', 'SAA.tif', 'VZA.tif', 'VAA.tif'],
    ]
    expect(folder).toMatch(/\/LC09_L2A_112081_20220209T020518_R112$/)
    expect(readdirSync(folder).sort()).toEqual([...bands, ...others].sort())
    for (const name of readdirSync(folder).filter((n) => n.endsWith('.tif')))
      expect(await validateCog(join(folder, name)), name).toBe('')
  })

  test('stays on the grid that USGS delivers, northings south of the equator negative', async () => {
    const source = await openRaster(
      join(L1, 'LC09_C2_112081/LC09_L1TP_112081_20220209_20220209_02_T1_B4.TIF'),
    )
    source.close()
    for (const name of ['B04_sre.tif', 'MASK.tif', 'SCL.tif', 'AOT.tif'])
      expect((await pixelsOf(join(folder, name))).grid, name).toEqual(source.grid)
    expect(source.grid).toMatchObject({ epsg: 32650, uly: -3236385 })
  })

  test('no-data and the mask follow QA_PIXEL and the digital numbers', async () => {
    const dn = await pixelsOf(join(L1, 'LC09_C2_112081/LC09_L1TP_112081_20220209_20220209_02_T1_B4.TIF'))
    const qa = await pixelsOf(
      join(L1, 'LC09_C2_112081/LC09_L1TP_112081_20220209_20220209_02_T1_QA_PIXEL.TIF'),
    )
    const red = await pixelsOf(join(folder, 'B04_sre.tif'))
    const mask = await pixelsOf(join(folder, 'MASK.tif'))
    const scl = await pixelsOf(join(folder, 'SCL.tif'))
    let clouds = 0
    dn.data.forEach((value, i) => {
      expect(red.data[i] === -32768).toBe(value === 0)
      if (qa.data[i] === 1) expect([mask.data[i]! >> 15, scl.data[i]]).toEqual([1, 0])
      if (qa.data[i] === 22280 && value !== 0) {
        expect([mask.data[i]! & 0b11, scl.data[i]]).toEqual([0b11, 9])
        clouds++
      }
      if (qa.data[i] === 23888 && value !== 0)
        // Our own tests may call it cloud as well.
        expect([mask.data[i]! & 0b101, scl.data[i]]).toEqual([0b101, mask.data[i]! & 0b10 ? 9 : 3])
    })
    expect(clouds).toBe(5)
    // Half of the image is no-data; what it shows is dry Western Australia in February.
    expect(scl.data.filter((value) => value === 5).length / scl.data.length).toBeGreaterThan(0.45)
    expect(scl.data.includes(4)).toBe(true)
  })

  test('the item is valid and says platform, path and row, and what each band sees', async () => {
    const item = json(join(folder, 'item.json'))
    expect(await stacItemFaults(item)).toEqual([])
    expect(item['properties']).toMatchObject({
      platform: 'landsat-9',
      instruments: ['oli', 'tirs'],
      'landsat:wrs_path': '112',
      'landsat:wrs_row': '081',
      'landsat:collection_number': '02',
      'landsat:collection_category': 'T1',
      'proj:code': 'EPSG:32650',
    })
    const assets = item['assets'] as Record<string, { bands?: Record<string, unknown>[] }>
    const names = Object.entries(assets).flatMap(([key, a]) =>
      (a.bands ?? []).flatMap((b) => (b['eo:common_name'] === undefined ? [] : [[key, b['eo:common_name']]])),
    )
    expect(Object.fromEntries(names)).toEqual({
      B01_sre: 'coastal',
      B02_sre: 'blue',
      B03_sre: 'green',
      B04_sre: 'red',
      B05_sre: 'nir08',
      B06_sre: 'swir16',
      B07_sre: 'swir22',
    })
  })

  test('a tar of the scene gives the same pixels as its folder', async () => {
    const entries = Object.entries(filesBelow(join(L1, 'LC09_C2_112081'))).map(([name, bytes]) => ({
      name,
      bytes,
    }))
    const tar = join(out, 'scene.tar')
    writeFileSync(tar, await tarOf(entries))
    const again = await correct(tar, 'lc09-tar')
    for (const name of readdirSync(folder).filter((n) => n.endsWith('.tif')))
      expect(readFileSync(join(again, name)).equals(readFileSync(join(folder, name))), name).toBe(true)
  })
})

describe.skipIf(!hasSharedData)('other real scenes', () => {
  test('collection 1 with its quality band: clouds and sea off South Carolina', async () => {
    const folder = await correct(join(L1, 'LC08_C1_016037'), 'c1')
    const mask = (await pixelsOf(join(folder, 'MASK.tif'))).data.filter((bits) => (bits & 0x8000) === 0)
    const cloudy = mask.filter((bits) => (bits & 0b10) !== 0).length / mask.length
    // USGS counted 26.70 % of the scene as cloud, on all its pixels and not on every thirtieth.
    expect(cloudy).toBeCloseTo(0.267, 1)
    expect(json(join(folder, 'report.json'))['flags']).toContain('angles_computed')
    expect(await stacItemFaults(json(join(folder, 'item.json')))).toEqual([])
  })

  test('a crop of six bands: its reflectance is that of the formula of USGS, the atmosphere taken away', async () => {
    const folder = await correct(CORUMBA, 'corumba')
    expect(existsSync(join(folder, 'B01_sre.tif'))).toBe(false)
    const read = (band: string) =>
      pixelsOf(join(CORUMBA, `LC08_L1TP_227074_20190809_20200827_02_T1_${band}.TIF`))
    const sinElevation = Math.sin((42.617 * Math.PI) / 180)
    for (const [band, least, most] of [
      // Blue loses most of its path; near infrared changes little.
      ['B2', -0.09, -0.04],
      ['B5', -0.01, 0.03],
    ] as const) {
      const dn = await read(band)
      const sre = await pixelsOf(join(folder, `${band.replace('B', 'B0')}_sre.tif`))
      const change = dn.data.map((v, i) => sre.data[i]! / 10000 - (v * 2e-5 - 0.1) / sinElevation)
      const mean = change.reduce((a, b) => a + b, 0) / change.length
      expect([band, mean > least && mean < most, mean]).toEqual([band, true, mean])
    }
  })

  test('images that lie elsewhere than the metadata says end with a code, and leave nothing', async () => {
    const into = join(out, 'refused')
    const result = await tilth(['l2a', join(L1, 'LC08_C2_092084'), '--out', into, '--quiet'])
    expect(result.exitCode).toBe(65)
    expect(result.stderr).toMatch(/GRID_MISMATCH/)
    expect(existsSync(into) ? readdirSync(into) : []).toEqual([])
  })
})
