import { mkdirSync, mkdtempSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import gdal from '../../src/raster/gdal.js'
import { configureGdal } from '../../src/raster/gdal-runtime.js'
import { toLonLat, type Point } from '../../src/raster/transform.js'
import { readHeights } from '../../src/raster/read-heights.js'

const folder = mkdtempSync(join(tmpdir(), 'tilth-heights-'))
const VOID = -9999
/** 12 x 12 km at 45 N, 3 E: the corner of four tiles of one degree would be at (500000, 4982950). */
const grid = {
  epsg: 32631,
  ulx: 494000,
  uly: 4988950,
  pixelWidthM: 120,
  pixelHeightM: 120,
  width: 100,
  height: 100,
}

/** A DEM tile in degrees, 0.002 degrees a pixel, whose height is 1000 (longitude - 2) + 500 (latitude - 44). */
function writeTile(
  path: string,
  west: number,
  north: number,
  isVoid: (x: number, y: number) => boolean = () => false,
) {
  const raster = gdal.open(path, 'w', 'GTiff', 100, 100, 1, gdal.GDT_Float32)
  raster.srs = gdal.SpatialReference.fromEPSG(4326)
  raster.geoTransform = [west, 0.002, 0, north, 0, -0.002]
  const z = Float32Array.from({ length: 10_000 }, (_, i) => {
    const [x, y] = [west + 0.002 * ((i % 100) + 0.5), north - 0.002 * (Math.floor(i / 100) + 0.5)]
    return isVoid(x, y) ? VOID : 1000 * (x - 2) + 500 * (y - 44)
  })
  const band = raster.bands.get(1)
  band.noDataValue = VOID
  band.pixels.write(0, 0, 100, 100, z)
  raster.close()
}

const dem = join(folder, 'dem')
beforeAll(() => {
  configureGdal()
  mkdirSync(dem)
  writeTile(join(dem, 'a.tif'), 2.8, 45.1)
  writeTile(join(dem, 'b.tif'), 3, 45.1, (x, y) => Math.hypot(x - 3.04, y - 45.02) < 0.008)
  // Far away, and no raster at all: neither is looked at.
  writeTile(join(dem, 'far.tif'), 20, 10)
  writeFileSync(join(dem, 'README.txt'), 'words')
})

/** What the tiles say of each pixel of the grid. */
function expectedHeights(): number[] {
  const centres = Array.from({ length: grid.width * grid.height }, (_, i): Point => [
    grid.ulx + ((i % grid.width) + 0.5) * grid.pixelWidthM,
    grid.uly - (Math.floor(i / grid.width) + 0.5) * grid.pixelHeightM,
  ])
  return toLonLat(grid.epsg, centres).map(([x, y]) => 1000 * (x - 2) + 500 * (y - 44))
}

test('the rasters of a folder are joined, and a void is filled from around it', async () => {
  const { metres, missingShare, seaShare } = await readHeights(dem, grid, 'bilinear')
  expect(missingShare).toBeGreaterThan(0.005)
  expect(missingShare).toBeLessThan(0.03)
  expect(seaShare).toBe(0)
  const expected = expectedHeights()
  const worst = metres.reduce((most, z, i) => Math.max(most, Math.abs(z - expected[i]!)), 0)
  expect(worst).toBeLessThan(4)
})

test('what lies far beyond the model is sea, and the shares say so', async () => {
  const far = { ...grid, ulx: grid.ulx - 5_000 }
  const { metres, missingShare, seaShare } = await readHeights(join(dem, 'b.tif'), far, 'bilinear')
  expect(missingShare).toBeGreaterThan(0.9)
  expect(seaShare).toBeGreaterThan(0.6)
  expect(seaShare).toBeLessThan(missingShare)
  expect(metres[50 * 100]).toBe(0)
  expect(metres[50 * 100 + 99]).toBeGreaterThan(900)
})

test('folders that do not help say why', async () => {
  const empty = join(folder, 'empty')
  mkdirSync(empty)
  await expect(readHeights(empty, grid, 'bilinear')).rejects.toMatchObject({
    code: 'BAD_ARGUMENT',
    message: expect.stringContaining('None of the 0 rasters') as string,
  })
  await expect(readHeights(join(folder, 'none'), grid, 'bilinear')).rejects.toMatchObject({
    code: 'NOT_FOUND',
  })
  const torn = join(folder, 'torn')
  mkdirSync(torn)
  writeTile(join(torn, 'torn.tif'), 2.9, 45.1)
  truncateSync(join(torn, 'torn.tif'), 90)
  await expect(readHeights(torn, grid, 'bilinear')).rejects.toMatchObject({
    code: 'RASTER_UNREADABLE',
    message: expect.stringContaining('torn.tif') as string,
  })
})
