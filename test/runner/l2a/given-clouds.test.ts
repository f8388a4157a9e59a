import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import gdal from '../../../src/raster/gdal.js'
import type { Grid } from '../../../src/domain/grid.js'
import { givenClouds } from '../../../src/runner/l2a/given-clouds.js'

/** 40 x 40 pixels of 60 m near the middle of zone 31. */
const grid: Grid = {
  epsg: 32631,
  ulx: 500_000,
  uly: 4_900_000,
  pixelWidthM: 60,
  pixelHeightM: 60,
  width: 40,
  height: 40,
}
let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tilth-given-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

/** A mask whose pixels are given by column and row; `from` its upper-left corner and pixel, in the units of its CRS. */
function write(
  name: string,
  { epsg, x, y, pixel, size }: { epsg: number | null; x: number; y: number; pixel: number; size: number },
  at: (column: number, row: number) => number,
  noData: number | null = null,
): string {
  const path = join(folder, name)
  const dataset = gdal.open(path, 'w', 'GTiff', size, size, 1, gdal.GDT_Byte)
  if (epsg !== null) dataset.srs = gdal.SpatialReference.fromEPSG(epsg)
  dataset.geoTransform = [x, pixel, 0, y, 0, -pixel]
  const band = dataset.bands.get(1)
  if (noData !== null) band.noDataValue = noData
  band.pixels.write(
    0,
    0,
    size,
    size,
    Uint8Array.from({ length: size * size }, (_, i) => at(i % size, Math.floor(i / size))),
  )
  dataset.close()
  return path
}
const cloudy = (mask: Uint8Array) => mask.reduce((n, v) => n + v, 0)

test('what is neither 0 nor no-data is cloud, the nearest pixel counts', async () => {
  // Pixels of 120 m: each covers 2 x 2 of ours. The second column is cloud (3), the third no-data.
  const place = { epsg: 32631, x: 500_000, y: 4_900_000, pixel: 120, size: 20 }
  const path = write('coarse.tif', place, (column) => (column === 1 ? 3 : column === 2 ? 255 : 0), 255)
  const mask = await givenClouds(path, grid, 'whole')
  mask.forEach((v, i) => {
    expect(v).toBe([2, 3].includes(i % 40) ? 1 : 0)
  })
})

test('a mask in another reference system is warped; where it does not reach it says nothing', async () => {
  // In degrees, all cloud, over the western half of the image: the middle of the zone is 3 degrees east.
  const place = { epsg: 4326, x: 2.9, y: 44.3, pixel: 0.001, size: 100 }
  const path = write('degrees.tif', { ...place, x: 2.9 + 0.115 }, () => 1)
  const mask = await givenClouds(path, grid, 'whole')
  expect(cloudy(mask)).toBeGreaterThan(200)
  expect(cloudy(mask)).toBeLessThan(1500)
  const columns = Array.from({ length: 40 }, (_, c) => mask[20 * 40 + c]!)
  expect([...columns].sort((a, b) => a - b)).toEqual(columns)
})

test('a mask that is missing, elsewhere, without reference system or cut short is refused by name', async () => {
  const refused = async (path: string, code: string, words: string) => {
    await expect(givenClouds(path, grid, 'whole')).rejects.toMatchObject({
      code,
      message: expect.stringContaining(words) as unknown,
    })
    await expect(givenClouds(path, grid, 'whole')).rejects.toMatchObject({
      message: expect.stringContaining(path) as unknown,
    })
  }
  await refused(join(folder, 'missing.tif'), 'NOT_FOUND', 'is not there')
  const place = { epsg: 32631, x: 500_000, y: 4_900_000, pixel: 60, size: 40 }
  await refused(
    write('elsewhere.tif', { ...place, x: 700_000 }, () => 1),
    'BAD_ARGUMENT',
    'no value anywhere',
  )
  await refused(
    write('nowhere.tif', { ...place, epsg: null }, () => 1),
    'RASTER_UNREADABLE',
    'no georeference',
  )
  const short = write('short.tif', place, (c, r) => (c * r) % 7)
  truncateSync(short, 900)
  await refused(short, 'RASTER_UNREADABLE', 'short.tif')
  const text = join(folder, 'text.tif')
  writeFileSync(text, 'no raster')
  await refused(text, 'RASTER_UNREADABLE', 'text.tif')
})
