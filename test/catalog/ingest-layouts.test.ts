import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import gdal from 'gdal-async'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { ingestPaths, listAcquisitions } from '../../src/catalog/ingest.js'
import { setSetting } from '../../src/catalog/settings.js'
import { MASK_BITS } from '../../src/domain/mask-bits.js'
import type { L1cProduct } from '../../src/domain/sentinel2.js'
import { listGranules } from '../../src/products/sentinel2/layouts.js'
import { readL1cMetadata } from '../../src/products/sentinel2/read-l1c.js'
import { simulateL1c } from '../../src/simulator/simulate-l1c.js'
import { filesBelow, zipOf } from '../support/archives.js'
import { productFolder, temporaryFolder, tilth } from '../support/cli.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { toAws, toOldSafe } from '../support/old-layouts.js'
import { imageOf } from '../support/safe-copy.js'

const folder = temporaryFolder('layouts')
const COMMON = { date: '2025-05-10', pixelSizeM: 720, seed: 5, noiseDn: 0, platform: 'S2A' as const }
let compact: readonly string[]
let recent: string
let old: string

beforeAll(async () => {
  const made: string[] = []
  for (const tile of ['31TCJ', '31TDJ'])
    made.push(
      (await simulateL1c({ ...COMMON, tile, baseline: '02.04', outDir: join(folder, 'made') })).safePath,
    )
  compact = made
  // The simulator gives neighbours passes of their own; granules of one product are of one datatake.
  const [first, second] = made.map((safe) => join(safe, 'MTD_MSIL1C.xml'))
  const text = readFileSync(first ?? '', 'utf8')
  const datatake = /<Datatake [^]*?<\/Datatake>/
  writeFileSync(
    second ?? '',
    readFileSync(second ?? '', 'utf8').replace(datatake, datatake.exec(text)?.[0] ?? ''),
  )
  recent = (await simulateL1c({ ...COMMON, tile: '31TCJ', baseline: '05.11', outDir: join(folder, 'made') }))
    .safePath
  old = toOldSafe(compact, join(folder, 'old'))
})

/** All that decides pixels and identity; where the files lie and what was noted is left out. */
const essence = (product: L1cProduct) => ({
  ...product,
  ...{ notes: null, path: null, granulePath: null, manyTilesKey: null, productUri: null },
  clouds: product.clouds?.kind,
  bands: Object.values(product.bands).map((band) => ({
    ...band,
    path: null,
    footprint: readFileSync(band.footprint.path),
    quality: band.quality.map(({ path }) => readFileSync(path)),
  })),
})
const settled = { settleSeconds: 0 }

describe('layouts other than the compact one', () => {
  test('a product of several tiles gives each granule as its compact product would', async () => {
    const granules = await listGranules(old)
    expect(granules).toHaveLength(2)
    for (const [i, granule] of granules.entries()) {
      const product = await readL1cMetadata(join(old, granule), settled)
      expect(essence(product)).toEqual(essence(await readL1cMetadata(compact[i] ?? '', settled)))
      expect(product.clouds).not.toBeNull()
      expect(product.manyTilesKey).toMatch(/^[0-9a-f]{12}$/)
    }
    expect(await listGranules(compact[0] ?? '')).toEqual([''])
  })

  test('read as one it is refused with the folders of its tiles', async () => {
    await expect(readL1cMetadata(old, settled)).rejects.toMatchObject({
      code: 'PRODUCT_UNSUPPORTED',
      message: expect.stringMatching(
        /2 tiles.*GRANULE\/.*_T31TCJ_N02\.04, GRANULE\/.*_T31TDJ_N02\.04/,
      ) as string,
    })
  })

  test.each([
    ['02.04', () => compact[0] ?? ''],
    ['05.11', () => recent],
  ])('a folder as AWS keeps them is read as the compact product of baseline %s', async (baseline, safe) => {
    const path = toAws(safe(), join(folder, `aws ${baseline}`))
    const product = await readL1cMetadata(path, settled)
    expect(essence(product)).toEqual(essence(await readL1cMetadata(safe(), settled)))
    expect(product.bands.B02?.offset).toBe(baseline === '05.11' ? -1000 : 0)
    expect(product.notes.join()).toMatch(/descending orbit are assumed/)
    const xml = join(path, 'metadata.xml')
    const text = readFileSync(xml, 'utf8')
    writeFileSync(xml, text.replace(/(<TILE_ID[^>]*>\w+?_)\d{8}T\d{6}_(A\d{6})/, '$1$2'))
    await expect(readL1cMetadata(path, settled)).rejects.toMatchObject({
      code: 'METADATA_INVALID',
      message: expect.stringMatching(/metadata\.xml'.*does not say when the granule was made/) as string,
    })
    writeFileSync(xml, text)
    const info = join(path, 'productInfo.json')
    writeFileSync(
      info,
      JSON.stringify({ ...(JSON.parse(readFileSync(info, 'utf8')) as object), name: 'no orbit' }),
    )
    await expect(readL1cMetadata(path, settled)).rejects.toMatchObject({ code: 'METADATA_INVALID' })
    rmSync(info)
    await expect(readL1cMetadata(path, settled)).rejects.toMatchObject({ code: 'PRODUCT_INCOMPLETE' })
  })
})

describe('in the catalogue', () => {
  let database: TestDatabase
  let app: App
  beforeAll(async () => {
    database = await createTestDatabase()
    app = await database.open()
    await setSetting(app.db, 'ingest.copy_quiet_s', '0', { site: null, by: 'test' })
    await setSetting(app.db, 'storage.min_free_mb', '0', { site: null, by: 'test' })
  })
  afterAll(() => database.close())
  beforeEach(async () => {
    await app.db.deleteFrom('acquisition').execute()
  })
  const rows = () => listAcquisitions(app.db, { state: null, tile: null })

  test.each(['linked', 'copied', 'zipped'])(
    'granules of one product are acquisitions that share its folder: %s',
    async (way) => {
      const zip = join(folder, 'old.zip')
      if (way === 'zipped') writeFileSync(zip, await zipOf(filesBelow(old, 'OLD.SAFE/')))
      const outcomes = await ingestPaths(app, [way === 'zipped' ? zip : old], { copy: way === 'copied' })
      expect(outcomes.map((o) => (o.kind === 'present' ? [o.tile, o.isNew] : o))).toEqual([
        ['31TCJ', true],
        ['31TDJ', true],
      ])
      const locations = (await rows()).map(({ location }) => location)
      expect(new Set(locations.map((one) => one.replace(/\/GRANULE\/.*/, ''))).size).toBe(1)
      for (const location of locations) {
        expect(location).toMatch(/^l1:s2\/many-tiles\/2025\/.*\.SAFE\/GRANULE\/S2A_OPER_MSI_L1C_TL_/)
        const path = join(database.config.roots.l1, location.replace('l1:', ''))
        expect((await readL1cMetadata(path, settled)).tile).toMatch(/^31T[CD]J$/)
      }
      // The compact product of one of the tiles is the same acquisition.
      expect(await ingestPaths(app, [compact[1] ?? ''], { copy: false })).toMatchObject([{ isNew: false }])
      expect(await rows()).toHaveLength(2)
    },
  )

  test.each([
    ['compact', () => compact[0] ?? ''],
    ['as AWS keeps it', () => toAws(compact[0] ?? '', join(folder, 'aws sized'))],
    ['of several tiles', () => old],
  ])('the size of the images is kept, for what their steps declare: %s', async (_, path) => {
    await ingestPaths(app, [path()], { copy: false })
    const kept = await app.db
      .selectFrom('acquisition')
      .select('metadata')
      .where('tile', '=', '31TCJ')
      .execute()
    // 109.8 km in pixels of 720, 1440 and 4320 m: the last ones reach beyond the tile.
    const side = (m: number) => Math.ceil(109_800 / m)
    const pixels = 4 * side(720) ** 2 + 6 * side(1440) ** 2 + 3 * side(4320) ** 2
    expect(kept.map(({ metadata }) => metadata)).toMatchObject([{ pixels, bands: 13 }])
  })

  test.each(['linked', 'copied'])(
    'when the metadata of the whole product break, none of its granules can be read: %s',
    async (way) => {
      const path = join(folder, `breaks ${way}.SAFE`)
      cpSync(old, path, { recursive: true })
      await ingestPaths(app, [path], { copy: way === 'copied' })
      const states = async () =>
        (await rows()).map(({ state, tile }) => `${tile ?? 'no tile'} ${state}`).sort()
      expect(await states()).toEqual(['31TCJ present', '31TDJ present'])
      const xml = join(path, readdirSync(path).find((name) => name.endsWith('.xml')) ?? '')
      const text = readFileSync(xml)
      writeFileSync(xml, text.subarray(0, text.length / 2))
      expect(await ingestPaths(app, [path], { copy: false })).toMatchObject([
        { code: 'METADATA_INVALID', path },
      ])
      expect(await states()).toEqual(
        way === 'linked'
          ? ['31TCJ broken', '31TDJ broken']
          : ['31TCJ present', '31TDJ present', 'no tile broken'],
      )
      writeFileSync(xml, text)
      await ingestPaths(app, [path], { copy: false })
      expect(await states()).toEqual(['31TCJ present', '31TDJ present'])
    },
  )

  test('a granule that is broken does not hold the other', async () => {
    const path = join(folder, 'torn.SAFE')
    cpSync(old, path, { recursive: true })
    const [, second = ''] = await listGranules(path)
    rmSync(imageOf(join(path, second), 'B04'))
    const outcomes = await ingestPaths(app, [path], { copy: false })
    expect(outcomes.map((o) => (o.kind === 'present' ? o.tile : o.code)).sort()).toEqual([
      '31TCJ',
      'PRODUCT_INCOMPLETE',
    ])
    expect((await rows()).map(({ state }) => state).sort()).toEqual(['broken', 'present'])
    // People keep some of the tiles: what is not there at all is not asked for.
    rmSync(join(path, second), { recursive: true })
    expect(await listGranules(path)).toHaveLength(1)
  })
})

/** Rewrites every image of a product with what `change` makes of its pixels. */
function repaint(safe: string, change: (pixels: Uint16Array, width: number) => void): void {
  const images = join(safe, 'GRANULE', readdirSync(join(safe, 'GRANULE'))[0] ?? '', 'IMG_DATA')
  for (const name of readdirSync(images).filter((one) => one.endsWith('.jp2') && !one.includes('TCI'))) {
    const path = join(images, name)
    const source = gdal.open(path)
    const { x: width, y: height } = source.rasterSize
    const copy = gdal.open('', 'w', 'MEM', width, height, 1, gdal.GDT_UInt16)
    copy.geoTransform = source.geoTransform ?? []
    copy.srs = source.srs
    const pixels = new Uint16Array(width * height)
    source.bands.get(1).pixels.read(0, 0, width, height, pixels)
    source.close()
    change(pixels, width)
    copy.bands.get(1).pixels.write(0, 0, width, height, pixels)
    rmSync(path)
    gdal.drivers.get('JP2OpenJPEG').createCopy(path, copy, { REVERSIBLE: 'YES', QUALITY: '100' }).close()
    copy.close()
  }
}
function read(path: string): { data: number[]; width: number } {
  const dataset = gdal.open(path)
  const { x: width, y: height } = dataset.rasterSize
  const data = Array.from(dataset.bands.get(1).pixels.read(0, 0, width, height))
  dataset.close()
  return { data, width }
}
const l2a = async (safe: string, out: string) =>
  tilth(['l2a', safe, '--out', out, '--quiet'], { TILTH_HOME: join(folder, 'home') })

describe('granules that lack something', () => {
  const copyOf = (name: string) => {
    const path = join(folder, name)
    mkdirSync(folder, { recursive: true })
    cpSync(recent, path, { recursive: true })
    return path
  }

  test('without B10 the product is made, with a note and a flag; without another band it is refused', async () => {
    const path = copyOf('no b10.SAFE')
    const granule = join(path, 'GRANULE', readdirSync(join(path, 'GRANULE'))[0] ?? '')
    rmSync(imageOf(granule, 'B10'))
    for (const mask of readdirSync(join(granule, 'QI_DATA')).filter((name) => name.includes('_B10')))
      rmSync(join(granule, 'QI_DATA', mask))
    await expect(readL1cMetadata(path, { settleSeconds: 60 })).rejects.toMatchObject({
      code: 'PRODUCT_COPYING',
    })
    const product = await readL1cMetadata(path, settled)
    expect(product.bands.B10).toBeUndefined()
    expect(product.notes.join()).toContain('no image of band B10')
    const out = join(folder, 'out no b10')
    expect((await l2a(path, out)).exitCode).toBe(0)
    const report = JSON.parse(readFileSync(join(productFolder(out), 'report.json'), 'utf8')) as {
      flags: string[]
      notes: string[]
    }
    expect(report.flags).toContain('no_cirrus_band')
    expect(report.notes.join()).toContain('B10')
    const whole = join(folder, 'out whole')
    expect((await l2a(recent, whole)).exitCode).toBe(0)
    for (const band of ['B02', 'B8A', 'B12'])
      expect(read(join(productFolder(out), `${band}_sre.tif`)).data).toEqual(
        read(join(productFolder(whole), `${band}_sre.tif`)).data,
      )
    rmSync(imageOf(granule, 'B05'))
    await expect(readL1cMetadata(path, settled)).rejects.toMatchObject({ code: 'PRODUCT_INCOMPLETE' })
  })

  test('a partial swath has no-data where the image has none, and values elsewhere', async () => {
    const path = copyOf('partial.SAFE')
    // West of a slanted edge the satellite saw nothing.
    const isOutside = (i: number, width: number) =>
      (i % width) / width < 0.3 + (0.4 * Math.floor(i / width)) / width
    repaint(path, (pixels, width) => {
      for (let i = 0; i < pixels.length; i++) if (isOutside(i, width)) pixels[i] = 0
    })
    const out = join(folder, 'out partial')
    const result = await l2a(path, out)
    expect(result.exitCode, result.stderr).toBe(0)
    const band = read(join(productFolder(out), 'B04_sre.tif'))
    const mask = read(join(productFolder(out), 'MASK.tif'))
    const scl = read(join(productFolder(out), 'SCL.tif'))
    band.data.forEach((value, i) => {
      expect(value === -32768).toBe(isOutside(i, band.width))
    })
    const noData = mask.data.map((bits) => (bits & (1 << MASK_BITS.noData)) !== 0)
    expect(noData.filter((flag, i) => flag && !isOutside(i, mask.width)).length).toBeLessThan(mask.width * 8)
    expect(noData.filter((flag, i) => !flag && isOutside(i, mask.width))).toHaveLength(0)
    expect(scl.data.filter((c) => c === 0).length / scl.data.length).toBeGreaterThan(0.45)
    const report = JSON.parse(readFileSync(join(productFolder(out), 'report.json'), 'utf8')) as {
      valid_share: number
    }
    expect(report.valid_share).toBeGreaterThan(0.4)
    expect(report.valid_share).toBeLessThan(0.52)
  })

  test('an image without any data ends with NO_VALID_PIXEL and leaves nothing', async () => {
    const path = copyOf('empty.SAFE')
    repaint(path, (pixels) => pixels.fill(0))
    const out = join(folder, 'out empty')
    const result = await l2a(path, out)
    expect(result.exitCode).toBe(65)
    expect(result.stderr).toContain('NO_VALID_PIXEL')
    expect(existsSync(out) ? readdirSync(out) : []).toEqual([])
  })
})
