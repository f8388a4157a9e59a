import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { tileOf } from '../../../src/domain/landsat.js'
import { parseMtl } from '../../../src/products/landsat/parse-mtl.js'
import { readL1tpMetadata } from '../../../src/products/landsat/read-l1tp.js'

const DATA = resolve(import.meta.dirname, '../../../../shared/data')
const DECIMATED = join(DATA, 'landsat-l1-decimated')
const LC09 = join(DECIMATED, 'LC09_C2_112081')
const LC09_NAME = 'LC09_L1TP_112081_20220209_20220209_02_T1'
const has = existsSync(LC09)
const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** A copy of a product that a test may spoil. */
function copyOf(product = LC09): string {
  const folder = mkdtempSync(join(tmpdir(), 'tilth-landsat-'))
  folders.push(folder)
  cpSync(product, folder, { recursive: true })
  return folder
}
/** The copy with its MTL.txt changed. */
function withMtl(change: (text: string) => string, product = LC09): string {
  const folder = copyOf(product)
  const name = readdirSync(folder).find((file) => /L1TP.*_MTL\.txt$/.test(file))!
  writeFileSync(join(folder, name), change(readFileSync(join(folder, name), 'latin1')))
  return folder
}
const calm = { settleSeconds: 0 }
const refusal = (code: string, message: RegExp) => ({
  code,
  message: expect.stringMatching(message) as string,
})

describe.skipIf(!has)('real products', () => {
  test('Landsat-9 of collection 2 with angle and quality bands, in a northern zone south of the equator', async () => {
    const product = await readL1tpMetadata(LC09, calm)
    expect(product).toMatchObject({
      productId: LC09_NAME,
      sceneId: 'LC91120812022040LGN00',
      platform: 'LC09',
      collection: 2,
      category: 'T1',
      wrsPath: 112,
      wrsRow: 81,
      sensedAt: '2022-02-09T02:05:18.736Z',
      generatedAt: '2022-02-09T04:08:31.000Z',
      grid: { epsg: 32650, ulx: 384585, uly: -3236385, width: 60, height: 60 },
      angles: { kind: 'bands' },
      flags: [],
    })
    expect(tileOf(product)).toBe('112081')
    expect(product.bands.map((b) => b.id)).toEqual(['B01', 'B02', 'B03', 'B04', 'B05', 'B06', 'B07', 'B09'])
    expect(product.bands.every((b) => b.mult === 2e-5 && b.add === -0.1)).toBe(true)
    expect(product.saturation).toMatch(/QA_RADSAT\.TIF$/)
    const [west, south, east, north] = product.bbox
    expect([west, south, east, north].map(Math.round)).toEqual([116, -31, 118, -29])
  })

  test('Landsat-8 of collection 1, real time, with BQA and without angles', async () => {
    const product = await readL1tpMetadata(join(DECIMATED, 'LC08_C1_016037'), calm)
    expect(product).toMatchObject({
      productId: 'LC08_L1TP_016037_20170813_20170814_01_RT',
      platform: 'LC08',
      collection: 1,
      category: 'RT',
      generatedAt: '2017-08-14T04:22:58.000Z',
      cloudPercent: 26.7,
      angles: { kind: 'computed' },
      flags: ['angles_computed'],
    })
    expect(product.pixelQuality).toMatch(/BQA\.TIF$/)
    expect(product.notes.join(' ')).toMatch(/category RT/)
  })

  test('a crop of some bands says what it lacks', async () => {
    const product = await readL1tpMetadata(join(DATA, 'landsat-l1-crops/corumba_20190809'), calm)
    expect(product.bands.map((b) => b.id)).toEqual(['B02', 'B03', 'B04', 'B05', 'B06', 'B07'])
    expect(product.flags).toEqual(['bands_missing', 'no_cloud_mask', 'angles_computed'])
    expect(product.notes.join(' ')).toMatch(/missing: .*_B1\.TIF.*QA_PIXEL/)
  })

  test('level 1 is taken where level 2 lies beside it', async () => {
    const product = await readL1tpMetadata(join(DATA, 'landsat-l1-l2-pair/momotombo_west'), calm)
    expect(product.productId).toBe('LC08_L1TP_017051_20151205_20200908_02_T1')
  })

  test('images of another place than the metadata describes are refused', async () => {
    await expect(readL1tpMetadata(join(DECIMATED, 'LC08_C2_092084'), calm)).rejects.toMatchObject(
      refusal('GRID_MISMATCH', /149\.86, -34\.61 degrees.*145\.47, -35\.67/),
    )
  })

  test('products from before the collections, level 2, and a file without its bands are told apart', async () => {
    const read = (path: string) => readL1tpMetadata(join(DATA, path), calm)
    await expect(read('landsat-l1-decimated/rio-toa-LC81390452014295')).rejects.toMatchObject(
      refusal('PRODUCT_UNSUPPORTED', /before the collections/),
    )
    await expect(read('landsat-l2-crops/brumadinho_20190114')).rejects.toMatchObject(
      refusal('PRODUCT_UNSUPPORTED', /level L2SP; expected level L1TP/),
    )
    await expect(read('landsat-l1-decimated/pixel-crop-toa')).rejects.toMatchObject(
      refusal('PRODUCT_INCOMPLETE', /_B2\.TIF' is missing/),
    )
  })

  test('the XML and JSON forms say the same as the text', async () => {
    const text = await parseMtl(join(LC09, `${LC09_NAME}_MTL.txt`))
    expect(await parseMtl(join(LC09, `${LC09_NAME}_MTL.xml`))).toEqual(text)
    const folder = copyOf()
    const groups: Record<string, Record<string, string>> = {}
    let group = ''
    for (const line of readFileSync(join(LC09, `${LC09_NAME}_MTL.txt`), 'latin1').split('\n')) {
      const [, key = '', value = ''] = /^\s*(\w+) = (.*?)\s*$/.exec(line) ?? []
      if (key === 'GROUP') groups[(group = value)] = {}
      else if (key !== 'END_GROUP' && key !== '') groups[group]![key] = value.replaceAll('"', '')
    }
    Reflect.deleteProperty(groups, 'LANDSAT_METADATA_FILE')
    const json = join(folder, `${LC09_NAME}_MTL.json`)
    writeFileSync(json, JSON.stringify({ LANDSAT_METADATA_FILE: groups }))
    expect(await parseMtl(json)).toEqual(text)
    for (const form of ['txt', 'xml']) rmSync(join(folder, `${LC09_NAME}_MTL.${form}`))
    expect((await readL1tpMetadata(folder, calm)).productId).toBe(LC09_NAME)
    writeFileSync(json, '{"LANDSAT_METADATA_FILE": {')
    await expect(readL1tpMetadata(folder, calm)).rejects.toMatchObject(refusal('METADATA_INVALID', /no JSON/))
  })
})

describe.skipIf(!has)('bad input', () => {
  test.each<[string, (text: string) => string, string, RegExp]>([
    ['cut metadata', (t) => t.slice(0, 6000), 'METADATA_INVALID', /_MTL\.txt', line \d+: /],
    ['no END', (t) => t.replace(/\nEND\s*$/, '\n'), 'METADATA_INVALID', /has no END; it is cut/],
    ['empty metadata', () => '', 'METADATA_INVALID', /no END/],
    [
      'no Landsat metadata',
      () => 'GROUP = X\nEND_GROUP = X\nEND\n',
      'METADATA_INVALID',
      /none of the groups/,
    ],
    [
      'groups that cross',
      (t) => t.replace('END_GROUP = PRODUCT_CONTENTS', 'END_GROUP = IMAGE'),
      'METADATA_INVALID',
      /not the one that is open/,
    ],
    [
      'a gain that is no number',
      (t) => t.replace('REFLECTANCE_MULT_BAND_4 = 2.0000E-05', 'REFLECTANCE_MULT_BAND_4 = nan'),
      'METADATA_INVALID',
      /REFLECTANCE_MULT_BAND_4: expected a number from .* found 'nan'/,
    ],
    [
      'a gain a thousand times too large',
      (t) => t.replace('REFLECTANCE_MULT_BAND_4 = 2.0000E-05', 'REFLECTANCE_MULT_BAND_4 = 2.0E-02'),
      'METADATA_INVALID',
      /REFLECTANCE_MULT_BAND_4/,
    ],
    [
      'a missing offset',
      (t) => t.replace(/.*REFLECTANCE_ADD_BAND_2 .*\n/, ''),
      'METADATA_INVALID',
      /REFLECTANCE_ADD_BAND_2: expected .* found nothing/,
    ],
    [
      'a path beyond 233',
      (t) => t.replace('    WRS_PATH = 112', '    WRS_PATH = 512'),
      'METADATA_INVALID',
      /WRS_PATH: expected a number from 1 to 233, found '512'/,
    ],
    [
      'a time that is none',
      (t) => t.replace(/SCENE_CENTER_TIME = .*/, 'SCENE_CENTER_TIME = "25 o\'clock"'),
      'METADATA_INVALID',
      /SCENE_CENTER_TIME/,
    ],
    [
      'a day that is none',
      (t) => t.replace(/DATE_ACQUIRED = .*/, 'DATE_ACQUIRED = 2022-13-09'),
      'METADATA_INVALID',
      /SCENE_CENTER_TIME: expected a time/,
    ],
    [
      'a file name that leads out',
      (t) => t.replace(/FILE_NAME_BAND_2 = .*/, 'FILE_NAME_BAND_2 = "../B2.TIF"'),
      'METADATA_INVALID',
      /FILE_NAME_BAND_2: expected the name of a file/,
    ],
    ...['.', '..', 'sub/B2.TIF', '/etc/passwd'].map(
      (name): [string, (text: string) => string, string, RegExp] => [
        `a band that is to be '${name}'`,
        (t) => t.replace(/FILE_NAME_BAND_2 = .*/, `FILE_NAME_BAND_2 = "${name}"`),
        'METADATA_INVALID',
        /_MTL\.txt', PRODUCT_CONTENTS\/FILE_NAME_BAND_2: expected the name of a file, found/,
      ],
    ),
    [
      'terrain without ground control',
      (t) => t.replaceAll('"L1TP"', '"L1GT"'),
      'LEVEL_NOT_CORRECTED',
      /level L1GT; only L1TP is corrected/,
    ],
    ['systematic correction', (t) => t.replaceAll('"L1TP"', '"L1GS"'), 'LEVEL_NOT_CORRECTED', /level L1GS/],
    [
      'Landsat 7',
      (t) => t.replace('"LANDSAT_9"', '"LANDSAT_7"').replace('"OLI_TIRS"', '"ETM"'),
      'PRODUCT_UNSUPPORTED',
      /LANDSAT_7 ETM/,
    ],
    ['thermal alone', (t) => t.replace('"OLI_TIRS"', '"TIRS"'), 'PRODUCT_UNSUPPORTED', /LANDSAT_9 TIRS/],
    [
      'a polar projection',
      (t) => t.replaceAll('MAP_PROJECTION = "UTM"', 'MAP_PROJECTION = "PS"'),
      'PRODUCT_UNSUPPORTED',
      /projection PS/,
    ],
    [
      'the metadata of another scene',
      (t) => t.replaceAll('LC09_L1TP_112081_20220209', 'LC09_L1TP_113081_20220216'),
      'PRODUCT_INCOMPLETE',
      /LC09_L1TP_113081_20220216.*_B1\.TIF|_B2\.TIF' is missing/,
    ],
  ])('%s', async (_what, change, code, message) => {
    await expect(readL1tpMetadata(withMtl(change), calm)).rejects.toMatchObject(refusal(code, message))
  })

  test('a band that is missing, cut, or not an image', async () => {
    const band = `${LC09_NAME}_B4.TIF`
    const missing = copyOf()
    rmSync(join(missing, band))
    await expect(readL1tpMetadata(missing, calm)).rejects.toMatchObject(
      refusal('PRODUCT_INCOMPLETE', /_B4\.TIF' is missing, but .*_MTL\.txt' names it/),
    )
    for (const keep of [0.999, 0.5, 0.001]) {
      const cut = copyOf()
      truncateSync(join(cut, band), Math.floor(statSync(join(cut, band)).size * keep))
      await expect(readL1tpMetadata(cut, calm)).rejects.toMatchObject(
        refusal('RASTER_UNREADABLE', /_B4\.TIF/),
      )
    }
    const inPlace = copyOf()
    for (const name of [band, `${LC09_NAME}_ANG.txt`]) {
      rmSync(join(inPlace, name))
      mkdirSync(join(inPlace, name))
    }
    await expect(readL1tpMetadata(inPlace, calm)).rejects.toMatchObject(
      refusal('RASTER_UNREADABLE', /_B4\.TIF': it is no file/),
    )
    rmSync(join(inPlace, band), { recursive: true })
    cpSync(join(LC09, band), join(inPlace, band))
    expect((await readL1tpMetadata(inPlace, calm)).notes[0]).toMatch(/missing: .*_ANG\.txt/)
    const text = copyOf()
    writeFileSync(join(text, band), 'this is no image at all')
    await expect(readL1tpMetadata(text, calm)).rejects.toMatchObject(refusal('RASTER_UNREADABLE', /no TIFF/))
  })

  test('bands of different size or type', async () => {
    const product = copyOf()
    cpSync(
      join(DATA, 'landsat-l1-crops/corumba_20190809/LC08_L1TP_227074_20190809_20200827_02_T1_B4.TIF'),
      join(product, `${LC09_NAME}_B4.TIF`),
    )
    await expect(readL1tpMetadata(product, calm)).rejects.toMatchObject(
      refusal('GRID_MISMATCH', /_B4\.TIF' is EPSG:32621 667 x 901.*expected EPSG:32650 60 x 60/),
    )
    const angles = copyOf()
    cpSync(join(angles, `${LC09_NAME}_B4.TIF`), join(angles, `${LC09_NAME}_VZA.TIF`))
    await expect(readL1tpMetadata(angles, calm)).rejects.toMatchObject(
      refusal('RASTER_UNREADABLE', /_VZA\.TIF' has 1 bands of UInt16; expected one of Int16/),
    )
  })

  test('optional files that are missing change the source of the angles, and are noted', async () => {
    const product = copyOf()
    rmSync(join(product, `${LC09_NAME}_VZA.TIF`))
    rmSync(join(product, `${LC09_NAME}_B10.TIF`))
    const read = await readL1tpMetadata(product, calm)
    expect(read.angles.kind).toBe('coefficients')
    expect(read.flags).toEqual(['angles_from_coefficients'])
    expect(read.notes[0]).toMatch(/B10\.TIF, .*VZA\.TIF/)
    rmSync(join(product, `${LC09_NAME}_ANG.txt`))
    expect((await readL1tpMetadata(product, calm)).angles.kind).toBe('computed')
  })

  test('a folder in which something changed just now is being copied while anything is missing', async () => {
    const product = copyOf()
    await expect(readL1tpMetadata(product)).resolves.toMatchObject({ productId: LC09_NAME })
    rmSync(join(product, `${LC09_NAME}_B11.TIF`))
    await expect(readL1tpMetadata(product)).rejects.toMatchObject(refusal('PRODUCT_COPYING', /B11\.TIF/))
    const later = new Date(Date.now() + 61_000)
    await expect(readL1tpMetadata(product, { now: later })).resolves.toMatchObject({ productId: LC09_NAME })
    rmSync(join(product, `${LC09_NAME}_B2.TIF`))
    await expect(readL1tpMetadata(product)).rejects.toMatchObject({ code: 'PRODUCT_COPYING' })
    await expect(readL1tpMetadata(product, { now: later })).rejects.toMatchObject({
      code: 'PRODUCT_INCOMPLETE',
    })
  })

  test('no metadata, two products in one folder, no folder', async () => {
    const product = copyOf()
    renameSync(join(product, `${LC09_NAME}_MTL.xml`), join(product, 'OTHER_MTL.txt'))
    await expect(readL1tpMetadata(product, calm)).rejects.toMatchObject(
      refusal('PRODUCT_UNSUPPORTED', /holds several products/),
    )
    rmSync(join(product, 'OTHER_MTL.txt'))
    // What macOS leaves beside a file on a foreign disk is no second product.
    writeFileSync(join(product, `._${LC09_NAME}_MTL.txt`), '\0\x05\x16\x07')
    await expect(readL1tpMetadata(product, calm)).resolves.toMatchObject({ productId: LC09_NAME })
    rmSync(join(product, `${LC09_NAME}_MTL.txt`))
    await expect(readL1tpMetadata(product, calm)).rejects.toMatchObject(
      refusal('PRODUCT_UNSUPPORTED', /no Landsat product/),
    )
    await expect(readL1tpMetadata(join(product, 'none'), calm)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})
