import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { simulateL1c } from '../../src/simulator/simulate-l1c.js'
import { productFolder, temporaryFolder, tilth } from '../support/cli.js'
import { compressionOf } from '../support/cog-check.js'
import { productOf } from '../support/consumers.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'

const folder = temporaryFolder('consumers')
let database: TestDatabase
let app: App
const run = async (...args: string[]): Promise<string> => {
  const result = await tilth(args, database.env)
  expect(result.exitCode, `${args.join(' ')}: ${result.stderr}`).toBe(0)
  return result.stdout
}
const folderOf = (location: string) => join(database.config.home, 'archive', location.replace('archive:', ''))
/** Rasters and quicklook of two folders are the same, byte by byte; returns their names. */
function samePictures(a: string, b: string): string[] {
  const names = readdirSync(a).filter((name) => /\.(tif|png)$/.test(name))
  for (const name of names)
    expect(readFileSync(join(a, name)).equals(readFileSync(join(b, name))), name).toBe(true)
  return names.sort()
}
const productsOf = async (level: string): Promise<string[]> =>
  (JSON.parse(await run('products', '--level', level, '--json')) as { name: string }[]).map(
    ({ name }) => name,
  )

beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
  for (const date of ['2025-06-04', '2025-06-14'])
    await simulateL1c({
      ...{ tile: '31TCJ', date, pixelSizeM: 600, seed: 3, baseline: '05.11', outDir: folder },
      withTci: false,
    })
  const ring = [
    [0.6, 43.5],
    [0.7, 43.5],
    [0.7, 43.6],
    [0.6, 43.6],
    [0.6, 43.5],
  ]
  const polygon = join(folder, 'field.geojson')
  writeFileSync(polygon, JSON.stringify({ type: 'Polygon', coordinates: [ring] }))
  await run('site', 'add', polygon, '--name', 'Field')
  await run('ingest', folder)
  await run('process', '--site', 'field')
  await run('up', '--until-idle')
})
afterAll(() => database.close())

describe('NDVI and composites through site, products and scheduler', () => {
  const composite = 'S2_L3A_31TCJ_20250610T120000_H025'
  let names: string[] = []
  test('is made once for each L2A product, and has the bytes of `tilth ndvi`', async () => {
    expect(await run('process', '--site', 'field', '--processor', 'ndvi')).toMatch(/^job \d+: 2 steps/)
    await run('up', '--until-idle')
    names = await productsOf('L3B')
    expect(names).toEqual((await productsOf('L2A')).map((name) => name.replace('_L2A_', '_L3B_')))
    const { location } = await productOf(app.db, names[0]!)
    const l2a = await productOf(app.db, names[0]!.replace('_L3B_', '_L2A_'))
    const out = join(folder, 'by hand')
    await run('ndvi', folderOf(l2a.location), '--out', out, '--quiet')
    expect(samePictures(folderOf(location), productFolder(out))).toEqual([
      'MASK.tif',
      'NDVI.tif',
      'quicklook.png',
    ])
    expect(await run('process', '--site', 'field', '--processor', 'ndvi')).toBe('nothing to do')
    expect(await run('why', names[0]!)).toContain('is there since')
  })

  test('a composite has the bytes of `tilth composite`, in any order of its inputs', async () => {
    const asked = ['process', '--site', 'field', '--processor', 'composite']
    expect(await run(...asked, '--date', '2025-06-10')).toMatch(/^job \d+: 1 steps/)
    await run('up', '--until-idle')
    expect(await productsOf('L3A')).toEqual([composite])
    const made = await productOf(app.db, composite)
    const l2a = await productsOf('L2A')
    const folders = await Promise.all(
      l2a.map(async (one) => folderOf((await productOf(app.db, one)).location)),
    )
    const out = join(folder, 'composite by hand')
    await run(
      'composite',
      ...folders.reverse(),
      '--date',
      '2025-06-10',
      '--out',
      out,
      '--threads',
      '3',
      '--quiet',
    )
    expect(samePictures(folderOf(made.location), productFolder(out))).toHaveLength(17)
    expect(await run('why', composite)).toContain('is there since')
    expect(await run(...asked, '--date', '2025-06-10')).toBe('nothing to do')
  })

  test('both go stale with an L2A and are remade by --stale; `why` and `products --stale` say so meanwhile', async () => {
    const [first = ''] = await productsOf('L2A')
    const { acquisition_id } = await productOf(app.db, first)
    await run('process', '--acquisition', String(acquisition_id), '--force')
    await run('up', '--until-idle')
    const stale = await run('products', '--stale')
    for (const name of [names[0]!, composite]) {
      expect(await run('why', name)).toContain(`product ${first} was made again`)
      expect(stale).toContain(name)
    }
    for (const processor of ['ndvi', 'composite'])
      expect(await run('process', '--processor', processor, '--stale')).toMatch(/: 1 steps/)
    await run('up', '--until-idle')
    for (const name of [names[0]!, composite])
      expect(await productOf(app.db, name)).toMatchObject({ stale_since: null, revision: 2 })
    expect(await run('why', composite.replace('H025', 'H010'))).toContain('no step for it was ever made')
  })

  test('an input revision that is gone before the step runs fails it with INPUT_GONE and leaves nothing', async () => {
    const [, l2a = ''] = await productsOf('L2A')
    await run('process', '--processor', 'ndvi', '--product', l2a, '--force')
    const before = await productOf(app.db, names[1]!)
    rmSync(folderOf((await productOf(app.db, l2a)).location), { recursive: true })
    await run('up', '--until-idle')
    const step = await app.db
      .selectFrom('step')
      .select(['state', 'error_code', 'error_message'])
      .orderBy('id', 'desc')
      .executeTakeFirstOrThrow()
    expect(step).toMatchObject({ state: 'failed', error_code: 'INPUT_GONE' })
    expect(step.error_message).toContain(l2a)
    expect((await productOf(app.db, names[1]!)).location).toBe(before.location)
    expect(existsSync(folderOf(before.location))).toBe(true)
    expect(readdirSync(join(database.config.home, 'archive', '.staging'))).toEqual([])
  })

  test('a codec set for a site is that of all its products from then on, and makes none of them again by itself', async () => {
    await run('config', 'set', 'products.codec', 'zstd', '--site', 'field')
    expect(await run('process', '--site', 'field')).toBe('nothing to do')
    const [l2a = ''] = await productsOf('L2A')
    const [l3a = ''] = await productsOf('L3A')
    const filesOf = async (name: string, ...files: string[]) => {
      const { location } = await productOf(app.db, name)
      return files.map((file) => compressionOf(join(folderOf(location), file)))
    }
    const all = async () => [
      ...(await filesOf(l2a, 'B02_sre.tif', 'MASK.tif', 'AOT.tif', 'SZA.tif', 'STATE_red.tif')),
      ...(await filesOf(l2a.replace('_L2A_', '_L3B_'), 'NDVI.tif', 'MASK.tif')),
      ...(await filesOf(l3a, 'B04.tif')),
    ]
    expect(new Set(await all())).toEqual(new Set(['DEFLATE']))
    await run('process', '--site', 'field', '--force')
    // Set back before the steps run: what counts is frozen.
    await run('config', 'unset', 'products.codec', '--site', 'field')
    await run('up', '--until-idle')
    await run('config', 'set', 'products.codec', 'zstd', '--site', 'field')
    for (const processor of ['ndvi', 'composite']) {
      await run('process', '--processor', processor, '--site', 'field', '--stale')
      await run('up', '--until-idle')
    }
    expect(new Set(await all())).toEqual(new Set(['ZSTD']))
  })

  test('options of another processor are refused, and a product that nobody made is explained', async () => {
    const wrong = await tilth(['process', '--processor', 'ndvi', '--aot', '0.2', '--stale'], database.env)
    expect(wrong).toMatchObject({ exitCode: 64, stdout: '' })
    expect(wrong.stderr).toContain('--aot is of --processor l2a, not of ndvi')
    expect(await run('why', 'S2A_L3B_31TCJ_20240604T105031_R051')).toContain('is not there')
  })
})
