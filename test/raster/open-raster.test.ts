import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import type { Grid } from '../../src/domain/grid.js'
import { checkJp2 } from '../../src/raster/check-jp2.js'
import { openRaster } from '../../src/raster/open-raster.js'
import { warpToGrid } from '../../src/raster/warp-to-grid.js'
import { DEM, hasRealL1c } from '../support/safe-copy.js'
import { writeJp2 } from '../support/write-jp2.js'

const folder = mkdtempSync(join(tmpdir(), 'tilth raster '))
afterAll(() => {
  rmSync(folder, { recursive: true })
})

const grid: Grid = {
  epsg: 32631,
  ulx: 300000,
  uly: 4900020,
  pixelWidthM: 10,
  pixelHeightM: 10,
  width: 300,
  height: 200,
}
const pixels = Uint8Array.from({ length: 60000 }, (_, i) => (i * 7919) % 251)
const path = join(folder, 'image with space.jp2')
writeJp2(path, grid, [pixels], 64)

test('a raster tells its grid, tiling and type, and fills windows on shared memory', async () => {
  const reader = await openRaster(path)
  expect(reader).toMatchObject({
    grid,
    width: 300,
    height: 200,
    bandCount: 1,
    dtype: 'Byte',
    blockWidth: 64,
    blockHeight: 64,
    whyNoGrid: null,
  })
  const shared = new Uint8Array(new SharedArrayBuffer(100 * 70 + 8), 8)
  const window = { x: 50, y: 60, width: 100, height: 70 }
  const [other, wide] = [new Uint8Array(60000), new Float64Array(60000)]
  await Promise.all([
    reader.read(0, window, shared),
    reader.read(0, { x: 0, y: 0, width: 300, height: 200 }, other),
    reader.read(0, { x: 0, y: 0, width: 300, height: 200 }, wide),
  ])
  expect(Buffer.from(other).equals(Buffer.from(pixels))).toBe(true)
  expect(Array.from(wide)).toEqual(Array.from(pixels))
  expect(
    shared.findIndex((value, i) => value !== pixels[(60 + Math.floor(i / 100)) * 300 + 50 + (i % 100)]),
  ).toBe(-1)
  reader.close()
  reader.close()
  await expect(reader.read(0, window, shared)).rejects.toMatchObject({ code: 'INTERNAL' })
})

test('windows and bands that do not exist are refused', async () => {
  const reader = await openRaster(path)
  for (const [band, window, length] of [
    [1, { x: 0, y: 0, width: 1, height: 1 }, 1],
    [0, { x: 299, y: 0, width: 2, height: 1 }, 2],
    [0, { x: -1, y: 0, width: 1, height: 1 }, 1],
    [0, { x: 0, y: 0, width: 2, height: 2 }, 3],
  ] as const)
    await expect(reader.read(band, window, new Uint8Array(length))).rejects.toMatchObject({
      code: 'INTERNAL',
    })
  reader.close()
})

test('a JPEG 2000 file cut at any byte is refused before anything is read', async () => {
  const whole = readFileSync(path)
  const cut = join(folder, 'cut.jp2')
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: whole.length - 1 }), async (length) => {
      writeFileSync(cut, whole.subarray(0, length))
      await expect(openRaster(cut)).rejects.toMatchObject({
        code: 'RASTER_UNREADABLE',
        message: expect.stringContaining(cut) as string,
      })
    }),
    { numRuns: 120, examples: [[0], [11], [whole.length - 1], [whole.length - 2], [whole.length - 40]] },
  )
})

test('the walk sees all tile-parts, and refuses a file with a tile left out', async () => {
  const layout = (await checkJp2(path))!
  expect(layout).toMatchObject({ width: 300, height: 200, tileWidth: 64, tileHeight: 64, components: 1 })
  expect(layout.tileParts.map((part) => part.tile)).toEqual([...Array(20).keys()])
  const whole = readFileSync(path)
  const { start, end } = layout.tileParts[7]!
  const holed = Buffer.concat([whole.subarray(0, start - 12), whole.subarray(end)])
  // The box length must fit again, else that alone is found.
  const box = whole.indexOf('jp2c') - 4
  holed.writeUInt32BE(whole.readUInt32BE(box) - (end - start + 12), box)
  const file = join(folder, 'holed.jp2')
  writeFileSync(file, holed)
  await expect(checkJp2(file)).rejects.toMatchObject({
    code: 'RASTER_UNREADABLE',
    message: expect.stringContaining('tile 7 of 20 is missing') as string,
  })
})

test('a damaged block is an error that names file, band and block', async () => {
  const bytes = Buffer.from(readFileSync(path))
  const { start, end } = (await checkJp2(path))!.tileParts[6]!
  bytes.fill(0xff, start + 4, end - 2)
  const file = join(folder, 'damaged.jp2')
  writeFileSync(file, bytes)
  const reader = await openRaster(file)
  await expect(
    reader.read(0, { x: 64, y: 64, width: 64, height: 64 }, new Uint8Array(4096)),
  ).rejects.toMatchObject({
    code: 'RASTER_UNREADABLE',
    message: expect.stringMatching(
      /Band 1, block at \(64, 64\) of 64 x 64 pixels of '.*damaged.jp2'/,
    ) as string,
  })
  reader.close()
})

test('what is no raster, or not there, is unreadable', async () => {
  const text = join(folder, 'text.tif')
  writeFileSync(text, 'no image at all, only words')
  await expect(openRaster(text)).rejects.toMatchObject({
    code: 'RASTER_UNREADABLE',
    message: expect.stringContaining('text.tif') as string,
  })
  await expect(openRaster(join(folder, 'none.jp2'))).rejects.toMatchObject({ code: 'RASTER_UNREADABLE' })
  await expect(warpToGrid(text, grid, 'bilinear')).rejects.toMatchObject({ code: 'RASTER_UNREADABLE' })
})

describe.skipIf(!hasRealL1c)('warping a real DEM', () => {
  test('onto its own grid gives its values; beyond its edge there is no-data', async () => {
    const file = join(DEM, 'srtm_para_brazil.tif')
    const reader = await openRaster(file)
    const own = reader.grid!
    const raw = new Float32Array(reader.width * reader.height)
    await reader.read(0, { x: 0, y: 0, width: reader.width, height: reader.height }, raw)
    reader.close()
    const same = await warpToGrid(file, own, 'bilinear')
    expect(same.findIndex((value, i) => Math.abs(value - raw[i]!) > 1e-3)).toBe(-1)
    const beyond = await warpToGrid(
      file,
      { ...own, ulx: own.ulx - 10 * own.pixelWidthM, width: 20 },
      'bilinear',
    )
    for (let i = 0; i < beyond.length; i++) {
      if (i % 20 < 9) expect(beyond[i]).toBeNaN()
      else if (i % 20 > 10)
        expect(beyond[i]).toBeCloseTo(raw[Math.floor(i / 20) * own.width + (i % 20) - 10]!, 2)
    }
  })

  test('of several bands takes the first', async () => {
    const file = join(folder, 'two.jp2')
    writeJp2(file, grid, [pixels, new Uint8Array(60000).fill(3)], 64)
    const first = await warpToGrid(file, { ...grid, ulx: grid.ulx + 50, width: 10, height: 10 }, 'near')
    expect([...first.subarray(0, 3)]).toEqual([...pixels.subarray(5, 8)])
  })

  test('from degrees to a UTM grid keeps its heights near a given place', async () => {
    const file = join(DEM, 'Copernicus_DSM_COG_10_N00_00_E006_00_DEM.tif')
    // Pico de Sao Tome, 2024 m, at 0.2667 N, 6.5417 E: about (226400, 29500) in EPSG:32632.
    const heights = await warpToGrid(
      file,
      { epsg: 32632, ulx: 220000, uly: 36000, pixelWidthM: 90, pixelHeightM: 90, width: 140, height: 140 },
      'bilinear',
    )
    const highest = heights.reduce((a, b) => Math.max(a, b))
    expect(highest).toBeGreaterThan(1900)
    expect(highest).toBeLessThan(2100)
  })
})
