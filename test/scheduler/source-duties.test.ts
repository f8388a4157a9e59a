import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { listAcquisitions } from '../../src/catalog/ingest.js'
import { sourceDuties } from '../../src/scheduler/source-duties.js'
import { temporaryFolder } from '../support/cli.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { setSetting } from '../support/queue.js'
import { slowly, SourceServer, status, type Served } from '../support/source-server.js'
import { addFields, addStac, fastSources, servedProduct } from '../support/sources.js'

const folder = temporaryFolder('source duties')
let database: TestDatabase
let app: App
let server: SourceServer
let may: Served
let june: Served

beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
  server = await SourceServer.start()
  may = await servedProduct(folder, { date: '2025-05-10' })
  june = await servedProduct(folder, { date: '2025-06-09' })
  await addFields(app)
})
afterAll(async () => {
  await server.close()
  await database.close()
})
beforeEach(async () => {
  server.reset()
  for (const table of ['source', 'acquisition', 'setting'] as const) await app.db.deleteFrom(table).execute()
  await fastSources(app)
  // The season is as good as running.
  await setSetting(app.db, 'sources.late_days', 3660)
  await addStac(app, server.url)
})
const states = async () =>
  (await listAcquisitions(app.db, { state: null, tile: null })).map(({ state }) => state)
const start = () => {
  const said: string[] = []
  const log = { info: (m: string) => said.push(m), warn: (m: string) => said.push(m) }
  const duties = sourceDuties({ db: app.db, config: app.config, log })
  const controller = new AbortController()
  const run = async (name: string) => duties.find((duty) => duty.name === name)?.run(controller.signal)
  return { said, controller, look: () => run('sources look'), fetch: () => run('sources fetch') }
}

test('the leader asks each source once an interval, which acts at once, and fetches what it has', async () => {
  server.products = [may]
  const { said, look, fetch } = start()
  await look()
  await look()
  expect(server.askedFor(/search/)).toHaveLength(1)
  await fetch()
  expect(await states()).toEqual(['present'])
  expect(said).toEqual(['source stac: 1 new acquisitions', `source stac: fetched ${may.name}`])
  await setSetting(app.db, 'sources.interval_s', 1)
  server.products = [may, june]
  await new Promise((resolve) => setTimeout(resolve, 1100))
  await look()
  expect(await states()).toEqual(['present', 'found'])
})

test('an interval of 0 asks and fetches nothing', async () => {
  server.products = [may]
  await setSetting(app.db, 'sources.interval_s', 0)
  const { look, fetch } = start()
  await look()
  await fetch()
  expect(server.asked).toEqual([])
})

test('a download that takes long keeps no source from being asked, and the end of leadership breaks it off', async () => {
  server.products = [may]
  const { controller, look, fetch } = start()
  await look()
  server.once(/product\.zip/, slowly(may.zip, 50, 200))
  const fetching = fetch()
  while (server.askedFor(/product\.zip/).length === 0) await new Promise((resolve) => setTimeout(resolve, 20))
  server.products = [may, june]
  await start().look()
  expect(await states()).toEqual(['fetching', 'found'])
  const before = performance.now()
  controller.abort()
  await fetching
  expect(performance.now() - before).toBeLessThan(2000)
  expect(await states()).toEqual(['found', 'found'])
})

test('a source that fails is said once, held back for longer each time, and asked again', async () => {
  server.products = [may]
  server.once(/search/, status(500), 100)
  const { said, look } = start()
  await look()
  const held = await app.db.selectFrom('source').select(['next_run_at', 'failures']).executeTakeFirstOrThrow()
  expect(held.failures).toBe(1)
  expect(held.next_run_at.getTime() - Date.now()).toBeGreaterThan(50_000)
  await look()
  const next = start()
  await next.look()
  expect(next.said).toEqual([])
  expect(said).toHaveLength(1)
  expect(said[0]).toMatch(/source stac: SOURCE_UNREACHABLE: .*status 500/)
  await app.db
    .updateTable('source')
    .set({ next_run_at: new Date(0) })
    .execute()
  await next.look()
  const again = await app.db
    .selectFrom('source')
    .select(['next_run_at', 'failures'])
    .executeTakeFirstOrThrow()
  expect(again.failures).toBe(2)
  expect(again.next_run_at.getTime() - Date.now()).toBeGreaterThan(110_000)
})
