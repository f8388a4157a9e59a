import { basename, join } from 'node:path'
import { readFileSync, readdirSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { archiveLimits } from '../../../src/config/archive-limits.js'
import type { L1Scene } from '../../../src/domain/l1-scene.js'
import { gridOfTile, parseTargetGrid } from '../../../src/domain/target-grid.js'
import { NODE_STEP } from '../../../src/kernels/resample.js'
import { hlsMaskTable } from '../../../src/products/layouts/hls.js'
import { reportSchema } from '../../../src/products/report.js'
import gdal from '../../../src/raster/gdal.js'
import { fromLonLat, toLonLat } from '../../../src/raster/transform.js'
import { correctDates } from '../../../src/runner/l2a/correct-dates.js'
import { findDates } from '../../../src/runner/l2a/find-dates.js'
import { placeScene } from '../../../src/runner/l2a/place-scene.js'
import { neededOf, placesOf } from '../../../src/runner/l2a/places.js'
import { ndviToFolder } from '../../../src/runner/ndvi/ndvi-to-folder.js'
import { exportToFolder } from '../../../src/runner/export/export-product.js'
import { simulateLandsat } from '../../../src/simulator/landsat/simulate-landsat.js'
import { temporaryFolder } from '../../support/cli.js'
import { readPixels } from '../../support/l2a-product.js'
import { movedReference } from '../../support/moved-reference.js'

const tile = parseTargetGrid('sentinel2:30TYP')

describe('places of a tile in an image', () => {
  const grid = gridOfTile(tile, 30)!
  const image = { ...grid, epsg: 32631, ulx: 300_000, uly: 4_900_020 }

  test('of a neighbouring zone are those of GDAL within a centimetre, moved ground included', () => {
    const window = { x: 512, y: 1024, width: 1000, height: 700 }
    const move = { eastM: 12, northM: -7 }
    const places = placesOf(grid, window, { image, ...move })
    if (places.kind !== 'nodes') throw new Error('nodes were expected')
    for (const [x, y] of [
      [0, 0],
      [999, 699],
      [31, 32],
      [500, 416],
    ] as const) {
      const [i, j] = [Math.floor(x / NODE_STEP), Math.floor(y / NODE_STEP)]
      const [u, v] = [(x % NODE_STEP) / NODE_STEP, (y % NODE_STEP) / NODE_STEP]
      const at = (of: Float64Array) => {
        const node = (r: number, c: number) => of[(j + r) * places.columns + i + c]!
        return (1 - v) * ((1 - u) * node(0, 0) + u * node(0, 1)) + v * ((1 - u) * node(1, 0) + u * node(1, 1))
      }
      // What shall lie here was seen 12 m to the west and 7 m to the north.
      const east = grid.ulx + (window.x + x + 0.5) * 30 - move.eastM
      const north = grid.uly - (window.y + y + 0.5) * 30 - move.northM
      const [[px, py] = [NaN, NaN]] = fromLonLat(32631, toLonLat(32630, [[east, north]]))
      expect(Math.abs(at(places.column) - ((px - image.ulx) / 30 - 0.5)) * 30).toBeLessThan(0.01)
      expect(Math.abs(at(places.row) - ((image.uly - py) / 30 - 0.5)) * 30).toBeLessThan(0.01)
    }
  })

  test('of one zone are a shift, from its northern to its southern CRS too', () => {
    const window = { x: 0, y: 0, width: 10, height: 10 }
    const south = { ...grid, epsg: 32730, ulx: 500_000, uly: 7_000_000 }
    const usgs = { ...south, epsg: 32630, ulx: 499_985, uly: 7_000_015 - 1e7 }
    // The image begins half a pixel to the left and above; what lay 3 m too far west is moved to the east.
    expect(placesOf(south, window, { image: usgs, eastM: 3, northM: 0 })).toEqual({
      ...{ kind: 'shift', columns: 0.4, rows: 0.5 },
    })
    expect(neededOf({ kind: 'shift', columns: 0.4, rows: -50 }, window, south)).toBeNull()
    expect(neededOf({ kind: 'shift', columns: 0.4, rows: 0.5 }, window, south)).toEqual({
      ...{ x: 0, y: 0, width: 13, height: 13 },
    })
  })
})

describe('what cannot lie on a tile is refused by name', () => {
  const scene = (facts: object) =>
    ({ productUri: 'P', satellite: 'landsat', tile: '198030', bands: [], ...facts }) as unknown as L1Scene
  const onto = (facts: object) => () => placeScene(scene(facts), { onto: tile, move: null })
  const grid = { ...gridOfTile(tile, 30)!, epsg: 32631 }

  test.each([
    [
      'Sentinel-2 of another tile',
      { satellite: 's2', tile: '31TCJ' },
      'BAD_ARGUMENT',
      /31TCJ already, 30TYP was asked/,
    ],
    [
      'polar stereographic',
      { bands: [{ grid: { ...grid, epsg: 3031 } }] },
      'BAD_ARGUMENT',
      /EPSG:3031, expected a UTM/,
    ],
    [
      'an image beside it',
      { bands: [{ grid: { ...grid, uly: 1_000_000 } }] },
      'NO_VALID_PIXEL',
      /198030\) lies beside/,
    ],
  ])('%s', (_, facts, code, message) => {
    expect(onto(facts)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) as string }),
    )
  })

  test('a grid that is no tile', () => {
    expect(() => parseTargetGrid('31TCJ')).toThrow(/expected sentinel2: and a tile/)
    expect(() => parseTargetGrid('sentinel2:99XXX')).toThrow(
      expect.objectContaining({ code: 'TILE_UNKNOWN' }),
    )
    expect(gridOfTile(tile, 70)).toBeNull()
  })

  test('Sentinel-2 of the tile itself lies there already', () => {
    const own = scene({ satellite: 's2', tile: tile.tile })
    expect(placeScene(own, { onto: tile, move: null })).toBe(own)
  })
})

describe('Landsat on the tile of another zone', () => {
  const home = temporaryFolder('on-tile')
  const quiet = { onProgress: () => undefined, onNote: () => undefined }
  const signal = new AbortController().signal
  const work = { scratch: join(home, 'scratch'), signal, ...quiet }
  const correct = async (out: string, onto?: typeof tile, parameters = {}) => {
    const dates = await findDates(join(home, 'l1'), { ...work, limits: archiveLimits({}) })
    const { dates: outcomes } = await correctDates(dates!, {
      ...{ ...work, out: join(home, out), archiveLimits: archiveLimits({}), force: false },
      ...{ threads: 2, blockSize: 512, codec: 'deflate' },
      parameters: { aot: 0.15, wv: 2, aerosol: 'continental', ...parameters },
      ...(onto === undefined ? {} : { onto }),
    })
    return outcomes[0]!
  }
  let own: string
  let onTile: string
  beforeAll(async () => {
    const outDir = join(home, 'l1')
    await simulateLandsat({ tile: '199030', date: '2025-05-17', outDir, pixelSizeM: 300 })
    const made = [await correct('own'), await correct('tiles', tile)]
    ;[own = '', onTile = ''] = made.map((one) => (one.outcome === 'made' ? one.folder : one.outcome))
  })

  test('has its name, its grid and says where it comes from', () => {
    expect(basename(onTile)).toBe('LC08_L2A_30TYP_20250517T104236_R199')
    const report = reportSchema.parse(JSON.parse(readFileSync(join(onTile, 'report.json'), 'utf8')))
    expect(report.placed).toEqual({ grid: 'sentinel2:30TYP', image_tile: '199030', image_epsg: 32631 })
    expect(report.flags).toContain('on_sentinel2_tile')
    const image = gdal.open(join(onTile, 'B05_sre.tif'))
    expect(image.geoTransform).toEqual([tile.xmin, 300, 0, tile.ymax, 0, -300])
    expect([image.rasterSize, image.srs?.getAuthorityCode(null)]).toEqual([{ x: 366, y: 366 }, '32630'])
    image.close()
  })

  test('is L30 of HLS, pixel by pixel, which on its own grid it is not', async () => {
    const write = (product: string) =>
      exportToFolder({
        ...{ product, layout: 'hls', out: join(home, 'hls'), threads: 2, codec: 'deflate', force: true },
        ...{ signal, onProgress: () => undefined },
      })
    await expect(write(own)).rejects.toMatchObject({ code: 'PRODUCT_UNSUPPORTED' })
    const { folder, name, notes } = await write(onTile)
    // The 137th day.
    expect(name).toBe('HLS.L30.T30TYP.2025137T104236.v2.0')
    const bands = ['B01', 'B02', 'B03', 'B04', 'B05', 'B06', 'B07']
    const layers = [...bands, 'Fmask', 'SAA', 'SZA', 'VAA', 'VZA']
    expect(readdirSync(folder).sort()).toEqual(layers.map((one) => `${name}.${one}.tif`))
    const pixelsOf = (path: string) => readPixels(path).pixels
    for (const band of bands)
      expect(pixelsOf(join(folder, `${name}.${band}.tif`))).toEqual(
        pixelsOf(join(onTile, `${band}_sre.tif`)).map((value) => (value === -32768 ? -9999 : value)),
      )
    const table = hlsMaskTable()
    expect(
      pixelsOf(join(folder, `${name}.Fmask.tif`)).map((value) => (value === 255 ? 255 : value & 63)),
    ).toEqual(pixelsOf(join(onTile, 'MASK.tif')).map((bits) => table[bits]))
    const image = gdal.open(join(folder, `${name}.B05.tif`))
    expect(image.geoTransform).toEqual([tile.xmin, 300, 0, tile.ymax, 0, -300])
    expect(image.getMetadata()).toMatchObject({
      ...{ SPACECRAFT_NAME: 'Landsat-8', SENTINEL2_TILEID: '30TYP', BRDF_NORMALISED: 'no' },
      ...{ scale_factor: '0.0001', _FillValue: '-9999' },
    })
    image.close()
    expect(notes.join()).toContain('B09, B10 and B11 are missing')
    expect(notes.join()).not.toContain('OLI')
  })

  test('is what GDAL makes of the product on its own grid', async () => {
    const source = gdal.open(join(own, 'B05_sre.tif'))
    const right = tile.xmin + 109_800
    // Exact places, and no smoothing for the bounding box that turning makes larger.
    const warped = await gdal.warpAsync(
      'warped',
      null,
      [source],
      [
        ...[
          '-of',
          'MEM',
          '-r',
          'cubic',
          '-et',
          '0',
          '-wo',
          'XSCALE=1',
          '-wo',
          'YSCALE=1',
          '-ts',
          '366',
          '366',
        ],
        ...[
          '-t_srs',
          'EPSG:32630',
          '-te',
          `${tile.xmin}`,
          `${tile.ymax - 109_800}`,
          `${right}`,
          `${tile.ymax}`,
        ],
      ],
    )
    const expected = await warped.bands.get(1).pixels.readAsync(0, 0, 366, 366)
    const { pixels } = readPixels(join(onTile, 'B05_sre.tif'))
    const near = (i: number) =>
      [-2, -1, 0, 1, 2].flatMap((y) => [-2, -1, 0, 1, 2].map((x) => i + y * 366 + x))
    let [compared, squares, elsewhere] = [0, 0, 0]
    for (let y = 2; y < 364; y++)
      for (let x = 2; x < 364; x++) {
        const i = y * 366 + x
        if ((pixels[i] === -32768) !== (expected[i] === -32768)) elsewhere++
        if (near(i).some((j) => pixels[j] === -32768 || expected[j] === -32768)) continue
        compared++
        squares += (pixels[i]! - expected[i]!) ** 2
      }
    expect(compared).toBeGreaterThan(60_000)
    // In units of 0.0001: gains differ a little over the reach of a resampled pixel.
    expect(Math.sqrt(squares / compared)).toBeLessThan(10)
    expect(elsewhere / compared).toBeLessThan(0.002)
  })

  test('is laid on a reference of the tile by the same resampling', async () => {
    const files = ['B05_sre.tif', 'B01_sre.tif', 'MASK.tif']
    const coregister = movedReference(onTile, join(home, 'reference'), { files, eastM: 600, northM: -300 })
    const made = await correct('moved', tile, { coregister })
    const folder = made.outcome === 'made' ? made.folder : made.outcome
    const { coregistration } = reportSchema.parse(
      JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')),
    )
    expect(coregistration).toMatchObject({ outcome: 'moved', applied: true, band: 'B05' })
    expect(coregistration?.dx_m).toBeCloseTo(600, -1)
    expect(coregistration?.dy_m).toBeCloseTo(-300, -1)
    // Two pixels to the east, one to the south: what stood there stands here now, as the tile has it without the shift.
    const [before, after] = [onTile, folder].map((of) => readPixels(join(of, 'B05_sre.tif')).pixels)
    let [compared, squares] = [0, 0]
    for (let y = 20; y < 340; y++)
      for (let x = 20; x < 340; x++) {
        const [a, b] = [before![y * 366 + x]!, after![(y + 1) * 366 + x + 2]!]
        if (a === -32768 || b === -32768) continue
        compared++
        squares += (a - b) ** 2
      }
    expect(compared).toBeGreaterThan(50_000)
    expect(Math.sqrt(squares / compared)).toBeLessThan(60)
  })

  test('is there already when it is asked for again, and is no other product', async () => {
    expect(await correct('tiles', tile)).toMatchObject({ outcome: 'exists', folder: onTile })
    expect(await correct('own')).toMatchObject({ outcome: 'exists', folder: own })
  })

  test('is read by those who take L2A products; layouts of Sentinel-2 alone refuse it', async () => {
    const common = { ...work, threads: 2, blockSize: 512, codec: 'deflate', force: false } as const
    const index = await ndviToFolder({ ...common, input: onTile, out: join(home, 'ndvi'), parameters: {} })
    expect(index.name).toBe('LC08_L3B_30TYP_20250517T104236_R199')
    for (const layout of ['theia', 'sen2cor'] as const)
      await expect(
        exportToFolder({ ...common, product: onTile, layout, out: join(home, 'others') }),
      ).rejects.toMatchObject({ code: 'PRODUCT_UNSUPPORTED' })
  })
})
