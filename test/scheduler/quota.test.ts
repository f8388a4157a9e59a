import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { reportStorage } from '../../src/catalog/storage-report.js'
import { addSite } from '../../src/catalog/sites.js'
import { createLocalScheduler } from '../../src/cli/run-scheduler.js'
import { listReadyWithinQuota, withinQuota, type QuotaFacts } from '../../src/scheduler/quota.js'
import { showStep } from '../../src/scheduler/queue-view.js'
import { readSettings } from '../../src/scheduler/settings-in-force.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { eventually, insertSteps, setSetting, stepOf, STEP_RUNS } from '../support/queue.js'

let database: TestDatabase
let app: App
beforeAll(async () => {
  process.env['TILTH_TEST_PROCESSOR'] = STEP_RUNS
  database = await createTestDatabase()
  app = await database.open()
})
afterAll(() => database.close())
beforeEach(async () => {
  for (const table of ['product', 'job', 'setting', 'site', 'storage_use'] as const)
    await app.db.deleteFrom(table).execute()
  await setSetting(app.db, 'executor.cpu_slots', 4)
  await setSetting(app.db, 'processor.l2a.max_parallelism', 4)
  await setSetting(app.db, 'storage.min_free_mb', 0)
})

/** The archive may have 100 MiB, site `a` (1) 50 of them; 20 are there, 10 of `a`. A step writes 15. */
const facts: QuotaFacts = {
  bounds: (siteId) => [{ cap: 100, site: null }, ...(siteId === 1 ? [{ cap: 50, site: 'a' }] : [])],
  used: (site) => (site === 'a' ? 10 : 20),
  expected: () => 15,
}
const steps = (siteId: number | null, ...ids: number[]) => ids.map((id) => ({ id, siteId, processor: 'l2a' }))

test('steps are counted with what they are expected to write; who would go over waits, others pass', () => {
  // a: 10 + 2 x 15 fit in 50, a third does not. The archive: 20 + 5 x 15 fit in 100.
  const found = withinQuota([...steps(1, 1, 2, 3), ...steps(2, 4, 5, 6, 7)], [], facts)
  expect(found.within.map(({ id }) => id)).toEqual([1, 2, 4, 5, 6])
  expect(found.over.map(({ id }) => id)).toEqual([3, 7])
  expect(found.over[0]?.reason).toBe(
    'QUOTA: site a has 10 MiB of 50 (storage.quota_mb), 30 more are being written, and this step is expected to need 15',
  )
  expect(found.over[1]?.reason).toMatch(/^QUOTA: the archive has 20 MiB of 100 .* 75 more/)
})

test('running steps have reserved theirs already', () => {
  const found = withinQuota(steps(1, 3), steps(1, 1, 2), facts)
  expect(found.within).toEqual([])
  expect(withinQuota(steps(2, 3), steps(1, 1, 2), facts).within).toHaveLength(1)
})

const area = {
  type: 'Polygon' as const,
  coordinates: [
    [
      [1.2, 43.2],
      [1.4, 43.2],
      [1.4, 43.4],
      [1.2, 43.2],
    ],
  ],
} as never
const MIB = 2 ** 20

/** A product of 40 MiB on the tile of the sites. */
async function fill(): Promise<void> {
  await app.db
    .insertInto('product')
    .values({
      name: 'S2A_L2A_31TCJ_20250101T000000_R051',
      level: 'L2A',
      processor: 'l2a',
      processor_version: 1,
      satellite: 's2',
      platform: 'S2A',
      tile: '31TCJ',
      sensed_at: new Date(0),
      location: 'archive:x',
      bytes: 40 * MIB,
      provenance: '{}',
    })
    .execute()
}

test('a site over its quota waits with QUOTA while others work, and goes on when the quota is raised', async () => {
  await fill()
  const full = await addSite(app.db, { name: 'Full', area })
  const free = await addSite(app.db, { name: 'Free', area })
  await setSetting(app.db, 'storage.quota_mb', 50, full.id)
  const waiting = (await insertSteps(app.db, [{ act: 'publish' }], { siteId: full.id })).stepIds[0]!
  const working = (await insertSteps(app.db, [{ act: 'publish' }], { siteId: free.id })).stepIds[0]!
  const lines: string[] = []
  const log = { info: (line: string) => lines.push(line), warn: (line: string) => lines.push(line) }
  const scheduler = createLocalScheduler(app, log)
  const up = scheduler.run({ untilIdle: false })
  await eventually(async () => (await stepOf(app.db, working)).state === 'succeeded', 'the other site works')
  await eventually(
    () => Promise.resolve(lines.some((line) => line.includes('QUOTA: site full'))),
    'it says why',
  )
  expect(await stepOf(app.db, waiting)).toMatchObject({ state: 'ready', attempt: 0 })
  const { waits } = await showStep(app.db, waiting, {
    node: app.config.node,
    proveRoots: () => Promise.resolve({}),
  })
  expect(waits[0]).toMatch(/^QUOTA: site full has 40 MiB of 50/)
  await setSetting(app.db, 'storage.quota_mb', 5000, full.id)
  await eventually(async () => (await stepOf(app.db, waiting)).state === 'succeeded', 'it goes on')
  scheduler.drain()
  await up
})

test("a parent's quota bounds what its sub-sites have, and a full site does not hide the steps behind it", async () => {
  await fill()
  await addSite(app.db, { name: 'Region', area })
  const child = await addSite(app.db, { name: 'Farm', area, parent: 'region' })
  const other = await addSite(app.db, { name: 'Other', area })
  const region = await app.db
    .selectFrom('site')
    .select('id')
    .where('slug', '=', 'region')
    .executeTakeFirstOrThrow()
  await setSetting(app.db, 'storage.quota_mb', 30, region.id)
  await insertSteps(
    app.db,
    Array.from({ length: 12 }, () => ({})),
    { siteId: child.id },
  )
  const behind = (await insertSteps(app.db, [{}], { siteId: other.id })).stepIds
  const settings = await readSettings(app.db)
  const found = await listReadyWithinQuota(app.db, settings, [], { executor: 'local', limit: 10 })
  expect(found.ready.map(({ id }) => id)).toEqual(behind)
  expect(found.over.length).toBeGreaterThan(0)
  expect(found.over[0]?.reason).toContain('site region has 40 MiB of 30')
})

test('the report sums products by root, level and tile', async () => {
  await fill()
  const report = await reportStorage(app.db, app.config, { tiles: 5 })
  expect(report.levels).toEqual([{ root: 'archive', level: 'L2A', products: 1, bytes: 40 * MIB }])
  expect(report.tiles).toMatchObject([{ tile: '31TCJ', products: 1, bytes: 40 * MIB }])
  const archive = report.roots.find(({ name }) => name === 'archive')
  expect(archive).toMatchObject({ productBytes: 40 * MIB, quotaBytes: null })
  expect(archive?.freeBytes).toBeGreaterThan(0)
})
