import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import gdal from '../../../src/raster/gdal.js'
import { toLonLat } from '../../../src/raster/transform.js'
import type { LonLatBox } from '../../../src/runner/l2a/crop-scene.js'
import { simulateL1c } from '../../../src/simulator/simulate-l1c.js'
import { temporaryFolder, tilth } from '../../support/cli.js'
import { correctProduct } from '../../support/correct-product.js'

const home = temporaryFolder('crop')
const correct = (product: string, out: string, bbox?: LonLatBox, options = {}) =>
  correctProduct(home, product, out, {
    // Light from beside comes from up to 12 km, of which a box knows less than the whole.
    parameters: { aot: 0.2, wv: 2, aerosol: 'continental', nbar: true, adjacency: false },
    ...(bbox === undefined ? {} : { bbox }),
    ...options,
  })

let safe: string
let whole: string
/** A box of 30 x 24 km in the middle of the tile. */
const [west, south, east, north] = [340_020, 4_840_020, 370_020, 4_864_020]
const corners = toLonLat(32631, [
  [west, south],
  [east, south],
  [east, north],
  [west, north],
])
const [lons, lats] = [corners.map(([lon]) => lon), corners.map(([, lat]) => lat)]
const box: LonLatBox = [Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)]
beforeAll(async () => {
  const made = await simulateL1c({
    ...{ tile: '31TCJ', date: '2025-06-02', pixelSizeM: 120, seed: 3, baseline: '05.11' },
    ...{ outDir: join(home, 'l1'), withTci: false },
  })
  safe = made.safePath
  whole = (await correct(safe, 'whole')).folder
})

function windowOf(path: string) {
  const raster = gdal.open(path)
  const { x: width, y: height } = raster.rasterSize
  const [ulx, step, , uly] = raster.geoTransform!
  const pixels = Array.from(raster.bands.get(1).pixels.read(0, 0, width, height))
  raster.close()
  return { width, height, ulx: ulx!, uly: uly!, step: step!, pixels }
}

test('a box of a scene holds what was asked for, with the pixels of the whole, whatever the blocks and threads', async () => {
  const { folder } = await correct(safe, 'part', box)
  for (const name of ['B02_sre.tif', 'B8A_nbar.tif', 'B01_sre.tif', 'B12_sre.tif']) {
    const [part, all] = [windowOf(join(folder, name)), windowOf(join(whole, name))]
    const [column, row] = [(part.ulx - all.ulx) / all.step, (all.uly - part.uly) / all.step]
    expect([column % 1, row % 1, part.step], name).toEqual([0, 0, all.step])
    expect(part.ulx).toBeLessThanOrEqual(west)
    expect(part.uly).toBeGreaterThanOrEqual(north)
    expect(part.ulx + part.width * part.step).toBeGreaterThanOrEqual(east)
    expect(part.uly - part.height * part.step).toBeLessThanOrEqual(south)
    // The box in degrees is wider than that in metres by the turn of the grid, and grows to whole cells.
    expect(part.width * part.step).toBeLessThan(36_000)
    let most = 0
    for (let y = 0; y < part.height; y++)
      for (let x = 0; x < part.width; x++)
        most = Math.max(
          most,
          Math.abs(part.pixels[y * part.width + x]! - all.pixels[(y + row) * all.width + x + column]!),
        )
    expect(most, name).toBeLessThanOrEqual(1)
  }
  const again = await correct(safe, 'again', box, { threads: 1, blockSize: 512 })
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.tif')))
    expect(readFileSync(join(again.folder, name)).equals(readFileSync(join(folder, name))), name).toBe(true)
  const report = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as { flags: string[] }
  expect(report.flags).toContain('cropped')
})

test('a box beside the scene is refused, and says where the scene is; so is one that is none', async () => {
  await expect(correct(safe, 'beside', [20, 40, 21, 41])).rejects.toMatchObject({
    code: 'BAD_ARGUMENT',
    message: expect.stringMatching(
      /bbox 20,40,21,41: expected a box that touches .* from 0\.\d+,43\.\d+ to/,
    ) as unknown,
  })
  const { exitCode, stderr } = await tilth(['l2a', safe, '--out', join(home, 'none'), '--bbox', '3,44,2,45'])
  expect([exitCode, stderr]).toEqual([64, expect.stringContaining('west < east')])
})
