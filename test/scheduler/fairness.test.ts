import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { parseArea, addSite } from '../../src/catalog/sites.js'
import { provenRoots } from '../../src/catalog/storage-roots.js'
import { insertJob } from '../../src/db/jobs/insert-job.js'
import { Scheduler } from '../../src/scheduler/scheduler.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { MemoryExecutor } from '../support/memory-executor.js'
import { eventually, setSetting } from '../support/queue.js'

const SLOTS = 2
const quiet = { info: () => undefined, warn: () => undefined }
let database: TestDatabase
let app: App
const sites: Record<string, number> = {}

beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
  const area = parseArea(
    '{"type":"Polygon","coordinates":[[[1.4,43.5],[1.5,43.5],[1.5,43.6],[1.4,43.6],[1.4,43.5]]]}',
  )
  for (const name of ['big', 'small']) await addSite(app.db, { name, area })
  for (const { slug, id } of await app.db.selectFrom('site').select(['slug', 'id']).execute())
    sites[slug] = id
})
afterAll(() => database.close())
beforeEach(async () => {
  await app.db.deleteFrom('job').execute()
  await app.db.deleteFrom('setting').execute()
  await app.db.deleteFrom('fair_share').execute()
  await setSetting(app.db, 'executor.cpu_slots', SLOTS)
  await setSetting(app.db, 'storage.min_free_mb', 0)
})

const insert = (site: string, tile: string, count: number) =>
  insertJob(app.db, {
    processor: 'l2a',
    siteId: sites[site] ?? null,
    params: {},
    priority: 100,
    createdBy: 'test',
    tasks: Array.from({ length: count }, () => ({
      tile,
      acquisitionId: null,
      params: {},
      memoryMb: 64,
      cpu: 1,
    })),
  })

/** Sites and tiles in the order in which steps were claimed. */
async function claims(): Promise<string[]> {
  const rows = await app.db
    .selectFrom('step_event')
    .innerJoin('step', 'step.id', 'step_event.step_id')
    .innerJoin('task', 'task.id', 'step.task_id')
    .innerJoin('site', 'site.id', 'step.site_id')
    .select(['site.slug', 'task.tile'])
    .where('kind', '=', 'claimed')
    .orderBy('step_event.at')
    .orderBy('step_event.id')
    .execute()
  return rows.map(({ slug, tile }) => `${slug} ${tile ?? ''}`)
}

function up(): { scheduler: Scheduler; done: Promise<void> } {
  const scheduler = new Scheduler({
    db: app.db,
    databaseUrl: app.databaseUrl,
    executor: new MemoryExecutor(app.db, () => 5),
    node: 'test',
    host: app.config.host,
    program: { version: app.config.version, schema: app.schema },
    proveRoots: () => provenRoots(app.db, app.config),
    log: quiet,
  })
  return { scheduler, done: scheduler.run({ untilIdle: true }) }
}

test('sites of weight 3 and 1 get slots 3 to 1 while both have work, and what was given outlives the scheduler', async () => {
  await setSetting(app.db, 'fair.weight', 3, sites['big'] ?? null)
  await insert('big', '31TCJ', 150)
  await insert('small', '31TCJ', 150)
  const first = up()
  await eventually(async () => (await claims()).length >= 60, 'sixty have started')
  first.scheduler.drain()
  await first.done
  await up().done
  const started = (await claims()).slice(0, 120)
  const big = started.filter((each) => each.startsWith('big')).length
  expect(big / (started.length - big)).toBeGreaterThan(2.7)
  expect(big / (started.length - big)).toBeLessThan(3.3)
})

test('behind a backlog of 1,000 steps of Sentinel-2 a new step of Landsat and of a new site start within 2 turnovers', async () => {
  await insert('big', '31TCJ', 1000)
  const { scheduler, done } = up()
  await eventually(async () => (await claims()).length >= 20, 'twenty have started')
  await insert('big', '198030', 1)
  await insert('small', '31TCJ', 1)
  const before = (await claims()).length
  await eventually(
    async () => (await claims()).some((each) => each.startsWith('small')),
    'the new site has started',
  )
  await eventually(async () => (await claims()).includes('big 198030'), 'Landsat has started')
  scheduler.drain()
  await done
  const order = await claims()
  // What started while the count was asked for comes on top.
  for (const each of ['big 198030', 'small 31TCJ'])
    expect(order.indexOf(each), each).toBeLessThan(before + 2 * SLOTS + 2)
})

test('with sequential sites the work of one is done before that of the next begins', async () => {
  await setSetting(app.db, 'fair.sites', 'sequential')
  await setSetting(app.db, 'fair.weight', 2, sites['small'] ?? null)
  await insert('big', '31TCJ', 20)
  await insert('small', '31TCJ', 20)
  await up().done
  const order = await claims()
  // The last one may be claimed in one round with the first of the other site.
  expect(order.slice(0, 19)).toEqual(Array.from({ length: 19 }, () => 'small 31TCJ'))
})
