import { execaSync } from 'execa'
import gdal from 'gdal-async'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CODECS } from '../../src/domain/codec.js'
import { blocksOf, type Grid } from '../../src/domain/grid.js'
import { halveMeanPlain } from '../../src/kernels/reference.js'
import { openBandWriter, type BandWriterSpec } from '../../src/runner/band-writer.js'
import { checkCog } from '../support/cog-check.js'
import { openKernelPool, type KernelPool } from '../../src/runner/kernel-pool.js'

const folder = mkdtempSync(join(tmpdir(), 'tilth-cog-'))
let pool: KernelPool
beforeAll(async () => {
  pool = await openKernelPool({ maxThreads: 2 })
})
afterAll(async () => {
  await pool.close()
  if (mounted) execaSync('umount', [disk])
  rmSync(folder, { recursive: true })
})

// Two odd sides: four levels, ragged tiles on each.
const grid: Grid = {
  epsg: 32755,
  ulx: 499980,
  uly: 6100000,
  pixelWidthM: 10,
  pixelHeightM: 10,
  width: 2741,
  height: 2103,
}
const image = Int16Array.from({ length: grid.width * grid.height }, (_, i) => {
  const [x, y] = [i % grid.width, Math.floor(i / grid.width)]
  return x + y < 700
    ? -32768
    : Math.round(3000 * Math.sin(x / 40) * Math.cos(y / 90)) + ((x * 7919 + y * 104729) % 61)
})
const spec: BandWriterSpec = {
  path: '', grid, dtype: 'int16', noData: -32768, codec: 'deflate', overview: 'average', fsync: false,
  scale: 0.0001, offset: 0, unit: '1', description: 'B02 <surface> & reflectance', metadata: { A: 'b' },
} // prettier-ignore

async function write(
  name: string,
  size: number,
  order: (n: number) => number[],
  extra: Partial<BandWriterSpec> = {},
): Promise<string> {
  const path = join(folder, name)
  const writer = openBandWriter(pool, { ...spec, ...extra, path })
  const blocks = blocksOf(grid, size)
  await Promise.all(
    order(blocks.length).map((i) => {
      const w = blocks[i]!
      const pixels = new Int16Array(w.width * w.height)
      for (let r = 0; r < w.height; r++)
        pixels.set(
          image.subarray((w.y + r) * grid.width + w.x, (w.y + r) * grid.width + w.x + w.width),
          r * w.width,
        )
      return writer.writeBlock(w, pixels)
    }),
  )
  await writer.finish()
  return path
}
const forward = (n: number) => Array.from({ length: n }, (_, i) => i)

test('the file is the same byte by byte for blocks of 512, 1024, 1536 and the whole, in any order', async () => {
  const whole = readFileSync(await write('whole.tif', 4096, forward))
  for (const size of [512, 1024, 1536])
    expect(readFileSync(await write(`b${size}.tif`, size, (n) => forward(n).reverse())).equals(whole)).toBe(
      true,
    )
  expect(readdirSync(folder).filter((name) => !name.endsWith('.tif') && name !== 'disk')).toEqual([])
})

test('GDAL reads back pixels, overviews, CRS, geotransform and what the band says of itself', async () => {
  for (const codec of CODECS) {
    const dataset = gdal.open(await write(`${codec}.tif`, 1024, forward, { codec }))
    const band = dataset.bands.get(1)
    expect(
      Buffer.from(band.pixels.read(0, 0, grid.width, grid.height).buffer).equals(Buffer.from(image.buffer)),
    ).toBe(true)
    expect(dataset.geoTransform).toEqual([499980, 10, 0, 6100000, 0, -10])
    expect(dataset.srs?.getAuthorityCode()).toBe('32755')
    expect([band.scale, band.offset, band.unitType, band.description, band.noDataValue]).toEqual([
      0.0001,
      0,
      '1',
      spec.description,
      -32768,
    ])
    expect(dataset.getMetadata()).toMatchObject({ A: 'b', AREA_OR_POINT: 'Area' })
    let above = { pixels: image, stride: grid.width, width: grid.width, height: grid.height }
    expect(band.overviews.count()).toBe(3)
    for (let i = 0; i < 3; i++) {
      const [width, height] = [Math.ceil(above.width / 2), Math.ceil(above.height / 2)]
      const level = { pixels: new Int16Array(width * height), stride: width, width, height }
      halveMeanPlain(above, -32768, level)
      const overview = band.overviews.get(i)
      expect(overview.size).toEqual({ x: width, y: height })
      expect(
        Buffer.from(overview.pixels.read(0, 0, width, height).buffer).equals(
          Buffer.from(level.pixels.buffer),
        ),
      ).toBe(true)
      above = level
    }
    dataset.close()
  }
})

test('masks of one byte take the upper left pixel', async () => {
  const path = join(folder, 'mask.tif')
  const small = { ...grid, width: 700, height: 600 }
  const writer = openBandWriter(pool, {
    ...spec,
    path,
    grid: small,
    dtype: 'uint8',
    noData: 0,
    overview: 'nearest',
  })
  const classes = Uint8Array.from({ length: 700 * 600 }, (_, i) => i % 251)
  await writer.writeBlock({ x: 0, y: 0, width: 700, height: 600 }, classes)
  await writer.finish()
  const band = gdal.open(path).bands.get(1)
  const half = band.overviews.get(0).pixels.read(0, 0, 350, 300)
  expect(half[350 * 7 + 5]).toBe((14 * 700 + 10) % 251)
  expect(Buffer.from(band.pixels.read(0, 0, 700, 600).buffer).equals(Buffer.from(classes))).toBe(true)
})

test('an unfinished or aborted band leaves nothing, and a missing block is named', async () => {
  const path = join(folder, 'missing.tif')
  const writer = openBandWriter(pool, { ...spec, path })
  await writer.writeBlock({ x: 0, y: 0, width: 512, height: 512 }, new Int16Array(512 * 512))
  await expect(writer.finish()).rejects.toThrow(/tile \d+ of level 0 was never written/)
  await writer.abort()
  expect(readdirSync(folder).filter((name) => name.startsWith('missing'))).toEqual([])
})

test('a folder that does not exist is WRITE_FAILED and blocks off the tile grid are refused', async () => {
  const lost = openBandWriter(pool, { ...spec, path: join(folder, 'none', 'x.tif') })
  const block = new Int16Array(512 * 512)
  await expect(lost.writeBlock({ x: 0, y: 0, width: 512, height: 512 }, block)).rejects.toMatchObject({
    code: 'WRITE_FAILED',
  })
  const writer = openBandWriter(pool, { ...spec, path: join(folder, 'x.tif') })
  await expect(writer.writeBlock({ x: 100, y: 0, width: 512, height: 512 }, block)).rejects.toThrow(
    /512 x 512 tiles/,
  )
  await writer.abort()
})

test('the file obeys the rules of a Cloud-Optimized GeoTIFF, and one of GDAL that is none does not', async () => {
  const path = await write('rules.tif', 1024, forward)
  expect(checkCog(path)).toEqual([])
  const plain = join(folder, 'plain.tif')
  execaSync('gdal_translate', ['-q', '-co', 'TILED=YES', path, plain])
  expect(checkCog(plain)).not.toEqual([])
})

const disk = join(folder, 'disk')
mkdirSync(disk)
const mounted =
  execaSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', disk], { reject: false }).exitCode === 0
test.skipIf(!mounted)(
  'a disk that runs full, at any point of the work, is DISK_FULL and leaves nothing behind',
  async () => {
    // Half the file stops at the tiles; one and a half hold the tiles, but not the file beside them.
    const { size } = statSync(await write('size.tif', 4096, forward))
    for (const [share, reached] of [
      [0.5, false],
      [1.5, true],
    ] as const) {
      execaSync('mount', ['-o', `remount,size=${Math.round(share * size)}`, disk])
      const writer = openBandWriter(pool, { ...spec, path: join(disk, 'full.tif') })
      const encoded = writer.writeBlock({ x: 0, y: 0, width: grid.width, height: grid.height }, image)
      if (reached) await encoded
      await expect(reached ? writer.finish() : encoded).rejects.toMatchObject({ code: 'DISK_FULL' })
      await writer.abort()
      expect(readdirSync(disk)).toEqual([])
    }
  },
)

const validator = '/usr/lib/python3/dist-packages/osgeo_utils/samples/validate_cloud_optimized_geotiff.py'
test.skipIf(
  !existsSync(validator) ||
    execaSync('/usr/bin/python3', ['-c', 'import osgeo'], { reject: false }).exitCode !== 0,
)("GDAL's own script accepts the file", async () => {
  const result = execaSync(
    '/usr/bin/python3',
    [validator, '--full-check=yes', await write('valid.tif', 1024, forward)],
    { reject: false },
  )
  expect(result.stdout + result.stderr).toMatch(/is a valid cloud optimized GeoTIFF/)
})
