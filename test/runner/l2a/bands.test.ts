import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { isChosen, wrongWithBandChoice } from '../../../src/domain/band-choice.js'
import { simulateLandsat } from '../../../src/simulator/landsat/simulate-landsat.js'
import { simulateL1c } from '../../../src/simulator/simulate-l1c.js'
import { temporaryFolder, tilth } from '../../support/cli.js'
import { correctProduct } from '../../support/correct-product.js'

const home = temporaryFolder('bands')
const correct = (product: string, out: string, parameters: Readonly<Record<string, unknown>>) =>
  correctProduct(home, product, out, { parameters: { nbar: true, ...parameters } })
const rasters = (folder: string) => readdirSync(folder).filter((name) => name.endsWith('.tif'))

let safe: string
let whole: string
beforeAll(async () => {
  const made = await simulateL1c({
    ...{ tile: '31TCJ', date: '2025-05-10', outDir: home, pixelSizeM: 600, baseline: '05.11' },
    withTci: false,
  })
  safe = made.safePath
  whole = (await correct(safe, 'whole', {})).folder
})

test('only the bands that are asked for get files; pixels, masks, air and the state stay the same bytes', async () => {
  const { folder } = await correct(safe, 'some', { bands: 'B8A,B05,B02' })
  const bands = rasters(folder).filter((name) => name.startsWith('B'))
  expect(bands).toEqual(['B02', 'B05', 'B8A'].flatMap((band) => [`${band}_nbar.tif`, `${band}_sre.tif`]))
  const isBand = (name: string) => /^B\d/.test(name)
  expect(rasters(folder).filter((name) => !isBand(name))).toEqual(
    rasters(whole).filter((name) => !isBand(name)),
  )
  for (const name of rasters(folder))
    expect(readFileSync(join(folder, name)).equals(readFileSync(join(whole, name))), name).toBe(true)
  const item = JSON.parse(readFileSync(join(folder, 'item.json'), 'utf8')) as {
    assets: Record<string, { href: string; title: string }>
  }
  const hrefs = Object.values(item.assets).map(({ href }) => href.replace('./', ''))
  expect(hrefs.filter(isBand).sort()).toEqual(bands)
  expect(Object.values(item.assets).find(({ href }) => href.endsWith('quicklook.png'))?.title).toBe(
    'Picture of B02',
  )
  const inspected = await tilth(['l2a', 'inspect', folder, '--pixel', '50,50'])
  expect(inspected.exitCode, inspected.stderr).toBe(0)
  const ndvi = await tilth(['ndvi', folder, '--out', join(home, 'ndvi')])
  expect(ndvi.stderr).toContain('PRODUCT_INCOMPLETE')
})

test('a choice of which the sensor has nothing makes nothing', async () => {
  const { productPath } = await simulateLandsat({
    ...{ tile: '198030', pixelSizeM: 1920, seed: 3, collection: 2, tar: false, platform: 'L8' },
    ...{ outDir: join(home, 'scenes'), date: '2025-05-12' },
  })
  await expect(correct(productPath, 'landsat', { bands: 'B8A,B11' })).rejects.toThrow(
    /bands is 'B8A,B11': expected one of B01, B02, B03, B04, B05, B06, B07/,
  )
  const { folder } = await correct(productPath, 'landsat', { bands: 'B04,B8A' })
  expect(rasters(folder).filter((name) => name.startsWith('B'))).toEqual(['B04_nbar.tif', 'B04_sre.tif'])
})

describe('choices of bands', () => {
  test('say what is wrong with them', () => {
    expect(wrongWithBandChoice('all')).toBeNull()
    expect(wrongWithBandChoice('B02,B8A')).toBeNull()
    for (const [text, found] of [
      ['', "found ''"],
      ['B02,B09', "found 'B09'"],
      ['b02', "found 'b02'"],
      ['B02, B03', "found ' B03'"],
      ['B02,B02', "each once, found 'B02,B02'"],
      ['all,B02', "found 'all'"],
    ] as const)
      expect(wrongWithBandChoice(text)).toContain(found)
    expect([isChosen('all', 'B05'), isChosen('B05,B06', 'B05'), isChosen('B05', 'B06')]).toEqual([
      true,
      true,
      false,
    ])
  })
})
