import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { listReadySteps } from '../../src/db/steps/list-ready-steps.js'
import { importL2a } from '../../src/processors/import_l2a/definition.js'
import { createImportJob } from '../../src/scheduler/create-import-job.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { setSetting, stepOf } from '../support/queue.js'

let database: TestDatabase
let app: App
const sites: Record<string, number> = {}
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
  const add = async (slug: string, parent: number | null, tiles: readonly string[]) => {
    const { id } = await app.db
      .insertInto('site')
      .values({ slug, name: slug, parent_id: parent, geometry: '{}', bbox: '(1,1),(0,0)' })
      .returning('id')
      .executeTakeFirstOrThrow()
    for (const tile of tiles)
      await app.db
        .insertInto('site_tile')
        .values({ site_id: id, satellite: 's2', tile, origin: 'manual' })
        .execute()
    sites[slug] = id
    return id
  }
  const region = await add('region', null, ['31TCJ', '31TCH'])
  await add('farm', region, ['31TCJ'])
  await add('coast', null, ['31TCH', '31TDH'])
})
afterAll(() => database.close())
beforeEach(async () => {
  for (const table of ['job', 'acquisition', 'setting'] as const) await app.db.deleteFrom(table).execute()
})

const PIXELS = 4 * 10_980 ** 2
async function imported(...tiles: string[]) {
  const identities = tiles.map((tile) => `foreign:${tile}`)
  for (const [i, tile] of tiles.entries())
    await app.db
      .insertInto('acquisition')
      .values({
        ...{ identity: identities[i] ?? '', satellite: 's2', platform: 'S2A', tile, state: 'present' },
        ...{ sensed_at: `2025-05-0${i + 1}T10:50:31Z`, location: `l1:${tile}` },
        metadata: JSON.stringify({ pixels: PIXELS, bands: 4, madeBy: { name: 'Sen2Cor' } }),
      })
      .execute()
  const { jobId, stepIds } = await createImportJob(app.db, { identities, createdBy: 'test' })
  const job = await app.db
    .selectFrom('job')
    .select('site_id')
    .where('id', '=', jobId ?? 0)
    .executeTakeFirstOrThrow()
  const steps = []
  for (const id of stepIds) steps.push((await stepOf(app.db, id)).site_id)
  return { job: job.site_id, steps, stepIds }
}

test('an import belongs to the one site that has its tile, to the parent before a sub-site, to none of several', async () => {
  const { region, coast } = sites
  // region and its farm; coast alone; region and coast; nobody.
  expect(await imported('31TCJ', '31TDH', '31TCH', '33XWJ')).toMatchObject({
    job: null,
    steps: [region, coast, null, null],
  })
})

test('a job of one site is of that site, and its pause holds the import', async () => {
  const { coast } = sites
  const { job, stepIds } = await imported('31TDH')
  expect(job).toBe(coast)
  const ready = async () =>
    (await listReadySteps(app.db, { executor: 'local', limit: 10 })).map(({ id }) => id)
  expect(await ready()).toEqual(stepIds)
  await app.db.updateTable('site').set({ paused: true }).where('slug', '=', 'coast').execute()
  expect(await ready()).toEqual([])
  await app.db.updateTable('site').set({ paused: false }).execute()
})

test('what an import declares follows its own hint of threads, as its site has it', async () => {
  await setSetting(app.db, 'processor.import_l2a.tile_threads_hint', 3)
  await setSetting(app.db, 'processor.import_l2a.tile_threads_hint', 7, sites['coast'])
  await setSetting(app.db, 'processor.l2a.tile_threads_hint', 11)
  const { stepIds } = await imported('31TCJ', '31TDH')
  const declared = async (id = 0) => (await stepOf(app.db, id)).memory_mb
  const expected = (threads: number) => importL2a.resources({ pixels: PIXELS, bands: 4, threads }).memoryMb
  expect([await declared(stepIds[0]), await declared(stepIds[1])]).toEqual([expected(3), expected(7)])
})
