import { cpSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { ingestPaths, listAcquisitions } from '../../src/catalog/ingest.js'
import { listProducts } from '../../src/catalog/products.js'
import { setSetting } from '../../src/catalog/settings.js'
import { claimReadySteps } from '../../src/db/steps/claim-ready-steps.js'
import { completeStep, type ProductRow } from '../../src/db/steps/complete-step.js'
import { l2a } from '../../src/processors/l2a/definition.js'
import { createL2aJob } from '../../src/scheduler/create-l2a-job.js'
import { simulateL1c } from '../../src/simulator/simulate-l1c.js'
import { temporaryFolder } from '../support/cli.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { insertSteps } from '../support/queue.js'

const folder = temporaryFolder('stale')
const SCENE = { tile: '31TCJ', date: '2025-05-10', pixelSizeM: 720, seed: 5, noiseDn: 0, outDir: folder }
let database: TestDatabase
let app: App
/** Three versions of one scene, oldest first: an old baseline, a new one, and the new one made again an hour later. */
let versions: readonly string[]

beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
  await setSetting(app.db, 'ingest.copy_quiet_s', '0', { site: null, by: 'test' })
  const [old, recent] = [
    (await simulateL1c({ ...SCENE, baseline: '04.00' })).safePath,
    (await simulateL1c({ ...SCENE, baseline: '05.11' })).safePath,
  ]
  const again = join(folder, 'again.SAFE')
  cpSync(recent, again, { recursive: true })
  const granules = join(again, 'GRANULE')
  const xml = join(granules, readdirSync(granules)[0] ?? '', 'MTD_TL.xml')
  const text = readFileSync(xml, 'utf8')
  const later = text.replace(/(<TILE_ID[^>]*>\w+_)20250510T14(\d{4})_A/, '$120250510T15$2_A')
  expect(later).not.toBe(text)
  writeFileSync(xml, later)
  versions = [old, recent, again]
})
afterAll(() => database.close())
beforeEach(async () => {
  for (const table of ['product', 'job', 'acquisition'] as const) await app.db.deleteFrom(table).execute()
})

const present = async () =>
  (await listAcquisitions(app.db, { state: 'present', tile: null })).map(({ id }) => id)
const stale = async () =>
  (await listProducts(app.db, { site: null, stale: true, limit: 100 })).map(({ name, staleReason }) => [
    name,
    staleReason,
  ])
let published = 0
const row = (name: string, acquisitionId: number | null): ProductRow => ({
  name,
  level: name.startsWith('L2A') ? 'L2A' : 'L3A',
  processor: name.startsWith('L2A') ? 'l2a' : 'composite',
  processorVersion: l2a.version,
  satellite: 's2',
  platform: 'S2A',
  tile: '31TCJ',
  sensedAt: '2025-05-10T10:58:34Z',
  relativeOrbit: 51,
  acquisitionId,
  location: `archive:${name}/r${++published}`,
  bbox: null,
  provenance: { parameters: {} },
})

/** Claims a new step that reads these products. */
async function claim(inputs: readonly string[] = []) {
  const { stepIds } = await insertSteps(app.db, [{}])
  const id = stepIds[0] ?? 0
  for (const name of inputs) {
    const product = await app.db
      .selectFrom('product')
      .select('id')
      .where('name', '=', name)
      .executeTakeFirstOrThrow()
    await app.db.insertInto('step_input').values({ step_id: id, product_id: product.id }).execute()
  }
  const [claimed] = await claimReadySteps(app.db, {
    executor: 'local',
    node: 'here',
    pid: 1,
    leaseSeconds: 30,
    grants: [{ id, threads: 1, settingsId: 0 }],
  })
  return claimed!
}
/** Publishes a product as a step would that was claimed and ended at once. */
async function publish(name: string, acquisitionId: number | null, inputs: readonly string[] = []) {
  await completeStep(app.db, await claim(inputs), [row(name, acquisitionId)], {})
}

function permutations<T>(items: readonly T[]): T[][] {
  return items.length <= 1
    ? [[...items]]
    : items.flatMap((item, i) =>
        permutations([...items.slice(0, i), ...items.slice(i + 1)]).map((rest) => [item, ...rest]),
      )
}

test('whatever the order of arrival, and whatever was made in between, the end is the same once stale products are remade', async () => {
  const ends = new Set<string>()
  let remade = 0
  for (const order of permutations([0, 1, 2]))
    for (let made = 0; made < 8; made++) {
      for (const table of ['product', 'job', 'acquisition'] as const) await app.db.deleteFrom(table).execute()
      for (const [i, version] of order.entries()) {
        await ingestPaths(app, [versions[version] ?? ''], { copy: false })
        // Bits of `made` say after which arrivals a product is made from what is present then.
        if ((made >> i) & 1) {
          await publish('L2A', (await present())[0] ?? 0)
          await publish('L3A', null, ['L2A'])
        }
      }
      const flagged = await stale()
      const planned = await createL2aJob(app.db, { stale: true, createdBy: 'test' })
      expect(planned.stepIds).toHaveLength(flagged.length === 0 ? 0 : 1)
      if (flagged.length > 0) {
        expect(flagged.map(([name]) => name)).toEqual(['L2A', 'L3A'])
        const tasks = await app.db
          .selectFrom('task')
          .select('acquisition_id')
          .where('job_id', '=', planned.jobId)
          .execute()
        expect(tasks.map((task) => task.acquisition_id)).toEqual(await present())
        await publish('L2A', tasks[0]?.acquisition_id ?? 0)
        expect(await stale()).toEqual([['L3A', 'product L2A was made again']])
        await publish('L3A', null, ['L2A'])
        remade++
      }
      expect(await stale()).toEqual([])
      const rows = await app.db
        .selectFrom('acquisition as a')
        .leftJoin('acquisition as n', 'n.id', 'a.superseded_by')
        .select(['a.identity', 'a.state', 'a.reason', 'n.identity as newer'])
        .orderBy('a.identity')
        .execute()
      const products = await app.db
        .selectFrom('product as p')
        .leftJoin('acquisition as a', 'a.id', 'p.acquisition_id')
        .select(['p.name', 'a.identity'])
        .orderBy('p.name')
        .execute()
      ends.add(JSON.stringify(made === 0 ? { rows } : { rows, products }))
    }
  // One end with products, one for the runs in which none was made.
  expect(ends.size).toBe(2)
  // The last product is from an older version: made after the first arrival only (4 orders), or up to the second (2 orders, twice).
  expect(remade).toBe(8)
})

test('a newer version marks the product and all that was made from it, in any depth; they say why', async () => {
  await ingestPaths(app, [versions[0] ?? ''], { copy: false })
  const [id] = await present()
  await publish('L2A', id ?? 0)
  await publish('L3A', null, ['L2A'])
  await publish('L3B', null, ['L3A'])
  await publish('other', null)
  expect(await stale()).toEqual([])
  await ingestPaths(app, [versions[1] ?? ''], { copy: false })
  expect(await stale()).toEqual([
    ['L2A', expect.stringMatching(/^acquisition .*:N04\.00:.* was superseded$/) as string],
    ['L3A', 'product L2A is stale'],
    ['L3B', 'product L3A is stale'],
  ])
  // When the newer one turns out to be broken the older counts again, and so do its products.
  const xml = readdirSync(versions[1] ?? '').find((name) => name.startsWith('MTD_')) ?? ''
  const text = readFileSync(join(versions[1] ?? '', xml))
  rmSync(join(versions[1] ?? '', xml))
  await ingestPaths(app, [versions[1] ?? ''], { copy: false })
  expect(await present()).toEqual([id])
  expect(await stale()).toEqual([])
  writeFileSync(join(versions[1] ?? '', xml), text)
  await ingestPaths(app, [versions[1] ?? ''], { copy: false })
  expect(await stale()).toHaveLength(3)
})

test('a product whose input was made again while it was made is stale from the start', async () => {
  await publish('L2A', null)
  const running = await claim(['L2A'])
  await publish('L2A', null)
  await completeStep(app.db, running, [row('L3A', null)], {})
  expect(await stale()).toEqual([['L3A', 'product L2A was made again']])
  await publish('L3A', null, ['L2A'])
  expect(await stale()).toEqual([])
})

test('publishing and superseding at the same moment: the product is refused or stale, and neither waits for the other for ever', async () => {
  const second = await database.open()
  for (let round = 0; round < 12; round++) {
    for (const table of ['product', 'job', 'acquisition'] as const) await app.db.deleteFrom(table).execute()
    await ingestPaths(app, [versions[0] ?? ''], { copy: false })
    const [id] = await present()
    if (round % 2 === 1) await publish('L2A', id ?? 0)
    const running = await claim()
    const [{ kind }] = await Promise.all([
      completeStep(app.db, running, [row('L2A', id ?? 0)], {}),
      ingestPaths(second, [versions[1] ?? ''], { copy: false }),
    ])
    expect(['published', 'superseded']).toContain(kind)
    expect(await stale()).toHaveLength(kind === 'published' || round % 2 === 1 ? 1 : 0)
  }
})
