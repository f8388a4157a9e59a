import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import gdal from 'gdal-async'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { listL2aInputs } from '../../src/db/jobs/list-l2a-inputs.js'
import { EXIT } from '../../src/domain/errors.js'
import { insertSteps, setSetting } from '../support/queue.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { makeMaja } from '../support/maja-product.js'
import { dnAt, fillSen2cor } from '../support/sen2cor-safe.js'
import { hasSharedData, temporaryFolder, tilth } from '../support/cli.js'

const NAME = 'S2B_MSIL2A_20220413T150759_N0400_R025_T33XWJ_20220414T082126.SAFE'
const OURS = 'S2B_L2A_33XWJ_20220413T150759_R025'
const THEIRS = `${OURS}_SEN2COR`
const folder = temporaryFolder('foreign l2a')

/** Everything in a product dated back: what changed within a minute is taken for being copied. */
function settle(path: string): string {
  const at = new Date(Date.now() - 3_600_000)
  for (const name of [...readdirSync(path, { recursive: true, encoding: 'utf8' }), '.'])
    utimesSync(join(path, name), at, at)
  return path
}
const remake = (as: string, change: (safe: string) => void = () => undefined): string => {
  const safe = fillSen2cor(folder, NAME, as)
  change(safe)
  return settle(safe)
}
const replaceIn = (safe: string, from: RegExp, to: string) => {
  const xml = join(safe, 'MTD_MSIL2A.xml')
  const text = readFileSync(xml, 'utf8')
  expect(text).toMatch(from)
  writeFileSync(xml, text.replace(from, to))
}

describe.skipIf(!hasSharedData)('Sen2Cor products in the catalogue', () => {
  const databases: TestDatabase[] = []
  let safe: string
  beforeAll(() => {
    safe = remake(NAME)
  })
  afterAll(async () => {
    await Promise.all(databases.map((database) => database.close()))
  })

  async function open(): Promise<{
    db: App['db']
    archive: string
    run: (...args: string[]) => ReturnType<typeof tilth>
  }> {
    const database = await createTestDatabase()
    databases.push(database)
    const { db } = await database.open()
    await setSetting(db, 'storage.min_free_mb', 0)
    await setSetting(db, 'retry.backoff_s', 0)
    return { db, archive: database.config.roots.archive, run: (...args) => tilth(args, database.env) }
  }
  const productsOf = async (db: App['db']) =>
    (await db.selectFrom('product').selectAll().orderBy('name').execute()).map((p) => ({
      ...p,
      folder: p.location.replace('archive:', ''),
    }))
  const stepsOf = (db: App['db']) =>
    db.selectFrom('step').select(['id', 'processor', 'state', 'error_code']).orderBy('id').execute()

  test('ingest, up: the product is there with its values, says who made it, and twice makes nothing twice', async () => {
    const { db, archive, run } = await open()
    const first = await run('ingest', safe)
    expect(first).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('imports 1 L2A') as string })
    // A second ingest sees the step that waits.
    expect((await run('ingest', safe)).stderr).toContain('does it already')
    expect((await run('up', '--until-idle')).exitCode).toBe(0)
    const [product, ...others] = await productsOf(db)
    expect(others).toEqual([])
    expect(product).toMatchObject({
      name: THEIRS,
      level: 'L2A',
      processor: 'import_l2a',
      processor_version: 1,
      tile: '33XWJ',
      provenance: { made_by: { name: 'Sen2Cor', version: 'baseline 04.00' } },
    })
    const dataset = gdal.open(join(archive, product?.folder ?? '', 'B04_sre.tif'))
    const { x: width, y: height } = dataset.rasterSize
    const pixels = Array.from(dataset.bands.get(1).pixels.read(0, 0, width, height))
    dataset.close()
    pixels.forEach((value, i) => {
      const dn = dnAt('B04', ((i % width) + 0.5) / width, (Math.floor(i / width) + 0.5) / height)
      expect(value).toBe(dn === 0 ? -32768 : dn - 1000)
    })
    expect((await run('ingest', safe)).stderr).toContain(`${THEIRS} exists`)
    expect(await stepsOf(db)).toMatchObject([{ processor: 'import_l2a', state: 'succeeded' }])
    expect((await run('products')).stdout).toMatch(new RegExp(`${THEIRS} .*import_l2a 1 \\(Sen2Cor\\)`))
    expect((await run('why', 'acquisition:1')).stdout).toContain(`is imported, as Sen2Cor made it: ${THEIRS}`)
    expect((await run('db', 'check')).exitCode).toBe(0)
    // Asking for our own correction of everything does not touch it.
    const id = (await db.selectFrom('acquisition').select('id').executeTakeFirstOrThrow()).id
    expect(await listL2aInputs(db, { acquisitionIds: [id] })).toEqual([])
    expect((await run('process', '--acquisition', String(id))).stdout).toContain('nothing to do')
  })

  test('our own product of the same scene stays as it is, whether it was there first or comes later', async () => {
    const { db, run } = await open()
    // An L1C of the same datatake, tile and instant, with an older baseline than the L2A.
    const l1c = await insertL1c(db)
    const { stepIds } = await insertSteps(db, [{}])
    await db.updateTable('step').set({ state: 'succeeded', progress: 1 }).execute()
    const own = async (attempt: number) => {
      const row = {
        name: OURS,
        level: 'L2A',
        processor: 'l2a',
        processor_version: 1,
        satellite: 's2' as const,
        platform: 'S2B',
        tile: '33XWJ',
        sensed_at: '2022-04-13T15:07:59Z',
        acquisition_id: l1c,
        step_id: stepIds[0] ?? null,
        attempt,
        location: `archive:L2A/33XWJ/2022/04/${OURS}/r${stepIds[0]}-${attempt}`,
        provenance: JSON.stringify({ parameters: {} }),
      }
      await db
        .insertInto('product')
        .values(row)
        .onConflict((c) => c.column('name').doUpdateSet(row))
        .execute()
    }
    await own(1)
    await run('ingest', safe)
    await run('up', '--until-idle')
    expect((await productsOf(db)).map(({ name, processor }) => [name, processor])).toEqual([
      [OURS, 'l2a'],
      [THEIRS, 'import_l2a'],
    ])
    const before = await productsOf(db)
    expect(before[0]).toMatchObject({ acquisition_id: l1c, stale_since: null })
    await own(2)
    const after = await productsOf(db)
    expect(after[1]).toEqual(before[1])
    const states = await db.selectFrom('acquisition').select('state').execute()
    // Neither supersedes the other, though one has the greater baseline.
    expect(states.map(({ state }) => state)).toEqual(['present', 'present'])
    expect(await listL2aInputs(db, {})).toMatchObject([{ acquisitionId: l1c, existing: { name: OURS } }])
  })

  test('a zip of it, and a newer baseline that supersedes the older import', async () => {
    const { db, run } = await open()
    const zip = join(folder, 'product.zip')
    execFileSync('python3', ['-m', 'zipfile', '-c', zip, safe])
    expect((await run('ingest', zip)).exitCode).toBe(0)
    await run('up', '--until-idle')
    expect(await productsOf(db)).toMatchObject([{ name: THEIRS, revision: 1 }])
    const newer = remake('newer.SAFE', (path) => {
      replaceIn(path, /<PROCESSING_BASELINE>04.00/, '<PROCESSING_BASELINE>05.10')
    })
    expect((await run('ingest', newer)).exitCode).toBe(0)
    await run('up', '--until-idle')
    const [product, ...others] = await productsOf(db)
    expect(others).toEqual([])
    expect(product).toMatchObject({
      revision: 2,
      stale_since: null,
      provenance: { made_by: { version: 'baseline 05.10' } },
    })
    // The older one again: it is superseded, and makes nothing.
    const again = await run('ingest', safe)
    expect(again.stdout).toContain('superseded')
    expect((await stepsOf(db)).length).toBe(2)
  })

  test('broken products: named when they are ingested or when they are read, and nothing half visible', async () => {
    const { db, archive, run } = await open()
    const isSpoilt = (name: string) => readdirSync(name, { recursive: true, encoding: 'utf8' })
    const lacking = remake('lacking.SAFE', (path) => {
      rmSync(join(path, isSpoilt(path).find((one) => one.endsWith('B08_10m.jp2')) ?? ''))
    })
    const refused = await run('ingest', lacking)
    expect(refused.exitCode).toBe(EXIT.data)
    expect(refused.stdout).toMatch(/PRODUCT_INCOMPLETE.*B08/)
    expect(await stepsOf(db)).toEqual([])
    // Whole when it was ingested, broken when its step comes.
    const later = remake('later.SAFE')
    expect((await run('ingest', later)).exitCode).toBe(0)
    const image = join(later, isSpoilt(later).find((one) => one.endsWith('B02_10m.jp2')) ?? '')
    const bytes = readFileSync(image)
    writeFileSync(image, bytes.subarray(0, bytes.length / 2))
    await run('up', '--until-idle')
    expect(await stepsOf(db)).toMatchObject([{ state: 'failed', error_code: 'RASTER_UNREADABLE' }])
    expect(await productsOf(db)).toEqual([])
    expect(existsSync(join(archive, 'L2A'))).toBe(false)
    if (existsSync(join(archive, '.staging'))) expect(readdirSync(join(archive, '.staging'))).toEqual([])
    expect((await run('why', 'tile:33XWJ')).stdout).toContain('RASTER_UNREADABLE')
    // Mended and ingested again it is tried again.
    writeFileSync(image, bytes)
    settle(later)
    await run('ingest', later)
    await run('up', '--until-idle')
    expect(await productsOf(db)).toMatchObject([{ name: THEIRS }])
  })

  test('a product of MAJA comes into the catalogue under its own name', async () => {
    const { db, run } = await open()
    const maja = settle(makeMaja(folder))
    expect((await run('ingest', maja)).exitCode).toBe(0)
    await run('up', '--until-idle')
    expect(await productsOf(db)).toMatchObject([
      {
        name: 'S2A_L2A_32MNE_20170402T093844_R136_MAJA',
        processor: 'import_l2a',
        provenance: { made_by: { name: 'MAJA', version: 'product version 1.4' } },
      },
    ])
    expect((await run('ingest', maja)).stderr).toContain('exists')
  })

  test('the command without a catalogue gives the same name', async () => {
    const out = join(folder, 'out')
    mkdirSync(out)
    expect((await tilth(['import-l2a', safe, '--out', out, '--quiet'])).exitCode).toBe(0)
    expect(readdirSync(out)).toEqual([THEIRS])
  })
})

async function insertL1c(db: App['db']): Promise<number> {
  const { id } = await db
    .insertInto('acquisition')
    .values({
      identity: 'S2_L1C:S2B:33XWJ:test',
      satellite: 's2',
      platform: 'S2B',
      tile: '33XWJ',
      sensed_at: '2022-04-13T15:07:56Z',
      baseline: '03.01',
      location: 'l1:s2/33XWJ/2022/x.SAFE',
      state: 'present',
      metadata: JSON.stringify({ datatakeStart: '2022-04-13T15:07:59.024Z' }),
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  return id
}
