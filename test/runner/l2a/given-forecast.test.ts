import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import type { Grid } from '../../../src/domain/grid.js'
import gdal from '../../../src/raster/gdal.js'
import { firstOf, readGivenForecast } from '../../../src/runner/l2a/given-forecast.js'
import { reportSchema } from '../../../src/products/report.js'
import { simulateLandsat } from '../../../src/simulator/landsat/simulate-landsat.js'
import { temporaryFolder } from '../../support/cli.js'
import { correctProduct } from '../../support/correct-product.js'

const home = temporaryFolder('forecast')
/** 110 km in UTM 31N, 0.5 to 2 degrees east, 43 to 44 north. */
const image: Grid = {
  ...{ epsg: 32631, ulx: 300_000, uly: 4_900_020, pixelWidthM: 240, pixelHeightM: 240 },
  ...{ width: 457, height: 457 },
}
const HOURS = [6, 9, 12]

/** A file of the whole Earth on 1 degree, longitudes from 0: vapour rises by 1 kg/m2 a degree of longitude east of Greenwich and by 0.1 an hour, packed as CAMS packs it. */
function write(
  path: string,
  day: string,
  values: (lon: number, hour: number) => number,
  name = 'tcwv',
): void {
  const plain = `${path}.tif`
  const [width, height] = [360, 180]
  const made = gdal.open(plain, 'w', 'GTiff', width, height, HOURS.length, gdal.GDT_Int16)
  made.srs = gdal.SpatialReference.fromEPSG(4326)
  made.geoTransform = [-0.5, 1, 0, 90, 0, -1]
  made.setMetadata([
    'NETCDF_DIM_EXTRA={time}',
    `NETCDF_DIM_time_DEF={${HOURS.length},4}`,
    `NETCDF_DIM_time_VALUES={${HOURS.join(',')}}`,
    `time#units=hours since ${day} 00:00:00.0`,
    `time#long_name=time`,
  ])
  HOURS.forEach((hour, n) => {
    const band = made.bands.get(n + 1)
    band.scale = 0.001
    band.offset = 20
    band.setMetadata([`NETCDF_VARNAME=${name}`, `NETCDF_DIM_time=${hour}`])
    band.pixels.write(
      ...([0, 0, width, height] as const),
      Int16Array.from({ length: width * height }, (_, i) =>
        Math.round((values(i % width, hour) - 20) / 0.001),
      ),
    )
  })
  gdal.drivers.get('netCDF').createCopy(path, made).close()
  made.close()
}
const vapour = (lon: number, hour: number) => (lon < 180 ? 18 + lon : 18 + lon - 360) / 10 + 18 + 0.1 * hour
beforeAll(() => {
  mkdirSync(join(home, 'cams'))
  write(join(home, 'cams', 'cams_20250610.nc'), '2025-06-10', vapour)
})

test('of a file of the Earth the pixels over the image count, scaled, at the nearest time', async () => {
  const path = join(home, 'cams', 'cams_20250610.nc')
  const { air, notes } = await readGivenForecast(path, image, '2025-06-10T10:46:21Z')
  // One column of pixels has its centre over the image, at 1 degree east: (18 + 1) / 10 + 18 at 9 or 12 hours, 12 being nearer.
  expect(air.wv).toBeCloseTo((1.9 + 18 + 1.2) / 10, 2)
  expect(air).toMatchObject({ aot: null, ozone: null, aerosol: null })
  expect(notes).toEqual([])
  const morning = await readGivenForecast(path, image, '2025-06-10T05:00:00Z')
  expect(morning.air.wv).toBeCloseTo((1.9 + 18 + 0.6) / 10, 2)
  // West of Greenwich a file that begins there goes on from 360 degrees downward.
  const west = await readGivenForecast(path, { ...image, epsg: 32629 }, '2025-06-10T05:00:00Z')
  expect(west.air.wv).toBeCloseTo((1.8 - 1.1 + 18 + 0.6) / 10, 2)
})

test('of a folder the file of the day counts; a day without one is told, and the product or the defaults go on', async () => {
  const found = await readGivenForecast(join(home, 'cams'), image, '2025-06-10T10:46:21Z')
  expect(found.air.wv).toBeCloseTo(2.11, 2)
  const none = await readGivenForecast(join(home, 'cams'), image, '2025-06-11T10:46:21Z')
  expect(none.notes.join()).toMatch(/no file of 2025-06-11/)
  const product = { air: { aot: 0.2, wv: 3, ozone: 310, aerosol: null }, notes: ['p'] }
  expect(firstOf(none, product).air).toEqual(product.air)
  expect(firstOf(found, product)).toEqual({ air: { ...product.air, wv: found.air.wv }, notes: ['p'] })
})

test('what is not there, is no raster, is of another day or holds something else is refused with what was expected', async () => {
  const at = '2025-06-10T10:46:21Z'
  const read = (name: string, when = at) => readGivenForecast(join(home, name), image, when)
  await expect(read('missing.nc')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  writeFileSync(join(home, 'torn.nc'), 'CDF')
  await expect(read('torn.nc')).rejects.toMatchObject({ code: 'RASTER_UNREADABLE' })
  await expect(read('cams/cams_20250610.nc', '2025-06-12T10:46:21Z')).rejects.toMatchObject({
    code: 'BAD_ARGUMENT',
    message: expect.stringMatching(/within 12 hours .* found some 47 hours away/) as unknown,
  })
  write(join(home, 'wind.nc'), '2025-06-10', vapour, 'u10')
  await expect(read('wind.nc')).rejects.toMatchObject({
    code: 'BAD_ARGUMENT',
    message: expect.stringMatching(
      /no field that is known: expected total column water vapour.*u10/,
    ) as unknown,
  })
})

test('Landsat takes vapour from the file, and the aerosol of a dusty day from its kinds', async () => {
  const { productPath } = await simulateLandsat({
    ...{ tile: '198030', pixelSizeM: 1920, seed: 3, collection: 2, tar: false, platform: 'L8' },
    ...{ outDir: join(home, 'scenes'), date: '2025-06-10' },
  })
  const folder = join(home, 'day')
  mkdirSync(folder)
  write(join(folder, 'tcwv_2025-06-10.nc'), '2025-06-10', () => 27)
  const kinds = { ssaod550: 0, duaod550: 0.3, omaod550: 0.05, bcaod550: 0.01, suaod550: 0.04 }
  for (const [name, value] of Object.entries(kinds))
    write(join(folder, `${name}_20250610.nc`), '2025-06-10', () => value, name)
  const made = await correctProduct(home, productPath, 'l2a', { parameters: { auxiliary: folder } })
  const { atmosphere } = reportSchema.parse(
    JSON.parse(readFileSync(join(made.folder, 'report.json'), 'utf8')),
  )
  expect(atmosphere?.wv).toMatchObject({ origin: 'auxiliary', mean: 2.7 })
  expect(atmosphere?.aerosol).toMatchObject({ origin: 'auxiliary', value: 'desert:0.75,continental:0.25' })
  expect(atmosphere?.ozone).toMatchObject({ origin: 'default' })
})
