import { join } from 'node:path'
import gdal from 'gdal-async'
import { expect, test } from 'vitest'
import type { Grid } from '../../../src/domain/grid.js'
import { axisOf, openLayer } from '../../../src/runner/export/read-onto.js'
import { temporaryFolder } from '../../support/cli.js'

const folder = temporaryFolder('read onto')
const grid = (pixel: number, width: number, height = width): Grid => ({
  ...{ epsg: 32631, ulx: 300000, uly: 4900020, pixelWidthM: pixel, pixelHeightM: pixel, width, height },
})
function raster(name: string, { pixelWidthM, width, height }: Grid, values: readonly number[]): string {
  const path = join(folder, name)
  const image = gdal.open(path, 'w', 'GTiff', width, height, 1, gdal.GDT_Int32)
  image.geoTransform = [300000, pixelWidthM, 0, 4900020, 0, -pixelWidthM]
  image.srs = gdal.SpatialReference.fromEPSG(32631)
  image.bands.get(1).pixels.write(0, 0, width, height, Int32Array.from(values))
  image.close()
  return path
}

test('shares of source pixels under a pixel: a third larger, smaller, and clipped at the end', () => {
  // 20 m under 30 m: pixel 1 reaches from 1.5 to 3.
  const axis = axisOf(0, 1.5, 0, 3, 4)
  expect([...axis.first]).toEqual([0, 1, 3])
  expect(axis.weights.map((w) => [...w])).toEqual([[1, 0.5], [0.5, 1], [1]])
  // 60 m under 10 m: the same pixel six times.
  const fine = axisOf(0, 1 / 6, 0, 7, 2)
  expect([...fine.first]).toEqual([0, 0, 0, 0, 0, 0, 1])
  // From the second row of a strip on.
  expect([...axisOf(0, 2, 1, 1, 4).first]).toEqual([2])
})

test('a mean by area leaves no-data out, and is none where less than half was seen', async () => {
  // 4 x 2 pixels of 20 m onto 2 x 1 of 40 m: (10 + 20 + 30) / 3 = 20, and 1 of 4 valid.
  const path = raster('mean.tif', grid(20, 4, 2), [10, 20, -32768, -32768, 30, -32768, -32768, 8])
  const layer = await openLayer(path, -32768)
  expect([...(await layer.mean(grid(40, 2, 1), 0, 1))]).toEqual([20, NaN])
  // Onto 30 m: pixel 0 has 10 (area 1), 20 (.5), 30 (.5 of the row below) and no-data (.25): (10 + 10 + 15) / 2.
  const third = await layer.mean(grid(30, 2, 1), 0, 1)
  expect(third[0]).toBeCloseTo((10 * 1 + 20 * 0.5 + 30 * 0.5) / 2, 5)
  layer.close()
})

test('bits of all pixels below; the pixel under the centre; smaller pixels repeat', async () => {
  const path = raster('bits.tif', grid(10, 6, 3), [1, 2, 4, 8, 0, 0, 0, 16, 0, 0, 32, 0, 0, 0, 0, 0, 0, 64])
  const layer = await openLayer(path, null)
  expect([...(await layer.any(grid(30, 2, 1), 0, 1))]).toEqual([1 | 2 | 4 | 16, 8 | 32 | 64])
  expect([...(await layer.nearest(grid(30, 2, 1), 0, 1))]).toEqual([16, 32])
  expect([...(await layer.nearest(grid(5, 12, 6), 1, 1))]).toEqual([1, 1, 2, 2, 4, 4, 8, 8, 0, 0, 0, 0])
  layer.close()
})

test('strips of rows are the same as the whole', async () => {
  const values = Array.from({ length: 36 * 36 }, (_, i) => (i * 7919) % 1000)
  const layer = await openLayer(raster('strips.tif', grid(10, 36), values), null)
  const onto = grid(30, 12)
  const whole = await layer.mean(onto, 0, 12)
  const parts = [await layer.mean(onto, 0, 5), await layer.mean(onto, 5, 7)].flatMap((part) => [...part])
  expect(parts).toEqual([...whole])
  layer.close()
})
