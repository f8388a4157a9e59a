import { cpSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import gdal from '../../../src/raster/gdal.js'
import { simulateL1c } from '../../../src/simulator/simulate-l1c.js'
import { temporaryFolder } from '../../support/cli.js'
import { correctProduct } from '../../support/correct-product.js'

const home = temporaryFolder('bad-input')
const correct = (product: string, parameters = {}) => correctProduct(home, product, 'l2a', { parameters })
let whole: string
beforeAll(async () => {
  const { safePath } = await simulateL1c({
    ...{ tile: '31TCJ', date: '2025-06-02', pixelSizeM: 600, seed: 3, baseline: '05.11' },
    ...{ outDir: join(home, 'l1'), withTci: false },
  })
  whole = safePath
})

let copies = 0
/** A copy of the product that `change` has spoiled: it gets the granule's folder. */
function spoiled(change: (granule: string) => void): string {
  const product = join(home, `copy-${++copies}`, whole.split('/').at(-1)!)
  cpSync(whole, product, { recursive: true })
  const granules = join(product, 'GRANULE')
  change(join(granules, readdirSync(granules)[0]!))
  return product
}
const removeBand = (granule: string, band: string) => {
  const images = join(granule, 'IMG_DATA')
  rmSync(
    join(
      images,
      readdirSync(images).find((name) => name.endsWith(`_${band}.jp2`))!,
    ),
  )
}
const reportOf = (folder: string) =>
  JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as {
    flags: string[]
    notes: string[]
  }
/** A DEM of one height around the tile's upper left corner, `sizeM` wide. */
async function demOf(name: string, sizeM: number, unit: string | null, crs = 'EPSG:32631'): Promise<string> {
  const path = join(home, name)
  const dem = gdal.open(path, 'w', 'GTiff', 100, 100, 1, gdal.GDT_Float32)
  dem.srs = gdal.SpatialReference.fromUserInput(crs)
  dem.geoTransform = [300000, sizeM / 100, 0, 4900020, 0, -sizeM / 100]
  const band = dem.bands.get(1)
  if (unit !== null) band.unitType = unit
  await band.pixels.writeAsync(0, 0, 100, 100, new Float32Array(10_000).fill(200))
  dem.close()
  return path
}

test('without the cirrus band a scene is corrected, and the report says so', async () => {
  const { folder } = await correct(
    spoiled((granule) => {
      removeBand(granule, 'B10')
    }),
  )
  expect(reportOf(folder).flags).toContain('no_cirrus_band')
})

test('without the band of water vapour it is not whole: refused by name, nothing is made', async () => {
  await expect(
    correct(
      spoiled((granule) => {
        removeBand(granule, 'B09')
      }),
    ),
  ).rejects.toMatchObject({
    // Somebody may still be copying it: it was changed a moment ago.
    code: 'PRODUCT_COPYING',
    message: expect.stringContaining('_B09.jp2') as unknown,
    cause: expect.objectContaining({ code: 'PRODUCT_INCOMPLETE' }) as unknown,
  })
})

test('a detector whose angles are all NaN is left out, named, and its pixels are no-data', async () => {
  const clean = await correct(whole)
  const product = spoiled((granule) => {
    const path = join(granule, 'MTD_TL.xml')
    const xml = readFileSync(path, 'utf8')
    const spoiledXml = xml.replace(
      /(<Viewing_Incidence_Angles_Grids bandId="3" detectorId="0?4">)([\s\S]*?)(?=<\/Viewing_Incidence_Angles_Grids>)/,
      (_, open: string, body: string) =>
        open + body.replace(/<VALUES>[^<]*/g, (values) => values.replace(/[\d.]+/g, 'NaN')),
    )
    expect(spoiledXml).not.toBe(xml)
    writeFileSync(path, spoiledXml)
  })
  const made = await correct(product)
  expect(made.notes).toContain('View angles of band 3, detector 4 have no value; the detector is left out.')
  expect(made.valid_share).toBeLessThan(clean.valid_share - 0.02)
  expect(made.valid_share).toBeGreaterThan(0.5)
})

test('a level 2 product is no input, whoever made it', async () => {
  const { folder } = await correct(whole)
  await expect(correct(folder)).rejects.toMatchObject({
    code: 'PRODUCT_UNSUPPORTED',
    message: expect.stringContaining(folder) as unknown,
  })
})

test('a DEM in feet is refused, one that is too small is told and flagged', async () => {
  await expect(correct(whole, { dem: await demOf('feet.tif', 120_000, 'ft') })).rejects.toMatchObject({
    code: 'BAD_ARGUMENT',
    message: expect.stringMatching(/feet\.tif.*'ft', expected metres/) as unknown,
  })
  const { folder } = await correct(whole, { dem: await demOf('small.tif', 20_000, null) })
  const { notes, flags } = reportOf(folder)
  expect(notes).toContain('The DEM has no value on 91.9 % of the image: sea level was taken there.')
  expect(flags).toContain('dem_incomplete')
})

test('what heights are counted from is said as the DEM states it', async () => {
  const detailOf = async (dem: string) => {
    const { folder } = await correct(whole, { dem })
    const report = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as {
      inputs: { kind: string; detail: string }[]
    }
    return report.inputs.find(({ kind }) => kind === 'DEM')?.detail
  }
  expect(await detailOf(await demOf('plain.tif', 120_000, 'm'))).toBe(
    'heights in m, vertical datum not stated: EGM2008 assumed',
  )
  expect(await detailOf(await demOf('egm96.tif', 120_000, 'm', 'EPSG:32631+5773'))).toBe(
    'heights in m, vertical datum as stated: EGM96 height',
  )
})

/** The same as numbers that lack 1000 already. */
function takeOffsetTwice(product: string): void {
  const path = join(product, 'MTD_MSIL1C.xml')
  const xml = readFileSync(path, 'utf8')
  const twice = xml.replaceAll(/(<RADIO_ADD_OFFSET[^>]*>)-1000</g, '$1-2000<')
  expect(twice).not.toBe(xml)
  writeFileSync(path, twice)
}

test('numbers whose offset somebody took off before are refused: the image is darker than air, or the cirrus band than black', async () => {
  const product = spoiled((granule) => {
    takeOffsetTwice(join(granule, '..', '..'))
  })
  const { safePath: bright } = await simulateL1c({
    ...{ tile: '31TCJ', date: '2025-06-12', pixelSizeM: 600, seed: 3, baseline: '05.11', cloudCover: 0.9 },
    ...{ outDir: join(home, 'bright'), withTci: false },
  })
  takeOffsetTwice(bright)
  await expect(correct(bright)).rejects.toMatchObject({
    code: 'METADATA_INVALID',
    message: expect.stringMatching(/is darker in B10 than black: .* offset of -2000/) as unknown,
  })
  await expect(correct(product)).rejects.toMatchObject({
    code: 'METADATA_INVALID',
    message: expect.stringMatching(/is darker in B02 than air alone: .* offset of -2000/) as unknown,
  })
})
