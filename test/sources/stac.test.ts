import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { ingestPaths, listAcquisitions } from '../../src/catalog/ingest.js'
import { clearSeasonClock, setSeasonClock } from '../../src/db/schedules/season-clock.js'
import { setSiteTiles } from '../../src/catalog/site-tiles.js'
import { lookAtSources } from '../../src/sources/look.js'
import { editSource, removeSource } from '../../src/sources/manage.js'
import { temporaryFolder } from '../support/cli.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { setSetting } from '../support/queue.js'
import { SourceServer, status, type Served } from '../support/source-server.js'
import {
  addFields,
  addStac,
  contextOf,
  fastSources,
  fetchAll,
  look,
  servedProduct,
  stagingOf,
} from '../support/sources.js'

const folder = temporaryFolder('stac')
let database: TestDatabase
let app: App
let server: SourceServer
let may: Served & { safePath: string }
let june: Served & { safePath: string }
let neighbour: Served

beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
  server = await SourceServer.start()
  may = await servedProduct(folder, { date: '2025-05-10' })
  june = await servedProduct(folder, { date: '2025-06-09', cloud: 95 })
  neighbour = { ...may, id: 'n', name: may.name.replace('31TCJ', '31TDJ'), tile: '31TDJ' }
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
})
const all = () => listAcquisitions(app.db, { state: null, tile: null })

test('a search over pages by POST finds what the site wants, and a fetch makes it present under the same number', async () => {
  server.products = [may, { ...may, id: 'again over pages' }, june, neighbour]
  await addStac(app, server.url, { config: { filters: { cloud_max: 80 } } })
  const [done] = await look(app)
  expect(done).toMatchObject({
    error: null,
    counts: { results: 4, wanted: 2, refused: 1, outside: 1, fresh: 2 },
  })
  const found = await all()
  expect(found.map(({ state, tile, reasonCode }) => [state, tile, reasonCode])).toEqual([
    ['found', '31TCJ', null],
    ['ignored', '31TCJ', 'FILTER_CLOUD'],
  ])
  const { report, events } = await fetchAll(app)
  expect(events).toMatchObject([{ kind: 'fetched', product: may.name }])
  expect(report).toMatchObject({ fetched: 1, failed: 0, stopped: null })
  const [present] = await all()
  expect(present).toMatchObject({ id: found[0]?.id, state: 'present', tile: '31TCJ', platform: 'S2A' })
  expect(present?.identity).toMatch(/^S2_L1C:S2A:31TCJ:/)
  expect(existsSync(join(app.config.roots.l1, present?.location.replace('l1:', '') ?? ''))).toBe(true)
  expect(stagingOf(app)).toEqual([])
  const bodies = server.askedFor(/search/).map(({ body }) => JSON.parse(body) as Record<string, unknown>)
  // The site's seasons end in the past of this clock, so all of the season is asked for.
  expect(bodies[0]).toMatchObject({
    collections: ['sentinel-2-l1c'],
    datetime: '2025-03-01T00:00:00Z/2025-10-31T23:59:59Z',
    intersects: { type: 'Polygon' },
  })
  expect(bodies[1]).toMatchObject({ ...bodies[0], token: '2' })
})

test('pages by GET with a relative next link, and boxes', async () => {
  server.products = [may, june, { ...may, id: 'c' }]
  server.nextBy = 'GET'
  await addStac(app, server.url, { config: { method: 'GET', area: 'bbox' } })
  expect(await look(app)).toMatchObject([{ counts: { results: 3, wanted: 3, fresh: 2 } }])
  const [first] = server.askedFor(/search/)
  expect(new URL(first?.url ?? '', server.url).searchParams.get('bbox')).toBe('1.4,43.5,1.5,43.6')
})

test('what is known is not fetched again: by an earlier look, or ingested by hand', async () => {
  await ingestPaths(app, [may.safePath], { copy: false })
  server.products = [may]
  await addStac(app, server.url)
  expect(await look(app)).toMatchObject([{ counts: { fresh: 0 } }])
  expect((await fetchAll(app)).report.fetched).toBe(0)
  expect(server.askedFor(/files/)).toEqual([])
  expect(await all()).toHaveLength(1)
  server.products = [may, june]
  expect(await look(app)).toMatchObject([{ counts: { fresh: 1 } }])
  expect((await fetchAll(app)).report.fetched).toBe(1)
  expect(await look(app)).toMatchObject([{ counts: { fresh: 0 } }])
  expect((await fetchAll(app)).report.fetched).toBe(0)
})

test('a scene that is published late inside the season is found by a later look', async () => {
  server.products = [june]
  await addStac(app, server.url)
  await look(app)
  await fetchAll(app)
  server.products = [may, june]
  expect(await look(app)).toMatchObject([{ counts: { fresh: 1 } }])
  expect((await all()).map(({ state }) => state)).toEqual(['found', 'present'])
})

test('two sources with the same product are one acquisition; the second delivers it when the first has given up', async () => {
  server.products = [may]
  await addStac(app, server.url, { name: 'first', order: 1 })
  await addStac(app, server.url, { name: 'second', order: 2, config: { filters: {} } })
  await look(app)
  expect(await all()).toHaveLength(1)
  server.once(/product\.zip/, status(404))
  const { events } = await fetchAll(app)
  expect(events).toMatchObject([
    { kind: 'failed', source: 'first', code: 'ASSET_MISSING', givenUp: true },
    { kind: 'fetched', source: 'second' },
  ])
  expect(await all()).toMatchObject([{ state: 'present' }])
})

test('files one by one are put together as the product was', async () => {
  const { filesBelow } = await import('../support/archives.js')
  server.products = [{ ...may, files: filesBelow(may.safePath, `${may.name}.SAFE/`) }]
  await addStac(app, server.url)
  await look(app)
  const { report, events } = await fetchAll(app)
  expect(events).toMatchObject([{ kind: 'fetched' }])
  expect(report.fetched).toBe(1)
  const [row] = await all()
  const place = join(app.config.roots.l1, row?.location.replace('l1:', '') ?? '')
  expect(filesBelow(place)).toEqual(filesBelow(may.safePath))
})

test('a filter that changes takes in what it left out, and the other way round', async () => {
  server.products = [june]
  await addStac(app, server.url, { config: { filters: { cloud_max: 50 } } })
  await look(app)
  expect(await all()).toMatchObject([{ state: 'ignored', reasonCode: 'FILTER_CLOUD' }])
  await editSource(app.db, 'stac', { config: { url: `${server.url}/stac`, collections: ['sentinel-2-l1c'] } })
  await look(app)
  expect(await all()).toMatchObject([{ state: 'found', reason: null }])
  await removeSource(app.db, 'stac')
  expect(await all()).toEqual([])
})

test('a season that ended long ago is searched once to its end, and again when something changes or all is asked for', async () => {
  server.products = [june]
  await addStac(app, server.url)
  const ask = async (everything: boolean) => {
    const before = server.askedFor(/search/).length
    const signal = new AbortController().signal
    await lookAtSources(contextOf(app), { signal, everything })
    return server.askedFor(/search/).length - before
  }
  expect(await ask(false)).toBe(1)
  expect(await ask(false)).toBe(0)
  expect(await ask(true)).toBe(1)
  // One more tile: the area again, and the tile by its own outline.
  await setSiteTiles(app.db, 'fields', { enable: ['31TDJ'] })
  expect(await ask(false)).toBe(2)
  await setSiteTiles(app.db, 'fields', { only: ['31TCJ'] })
  expect(await ask(false)).toBe(1)
  expect(await ask(false)).toBe(0)
  // A season that ended not so long ago is asked for at each look.
  await setSetting(app.db, 'sources.late_days', 3660)
  expect([await ask(false), await ask(false)]).toEqual([1, 1])
})

test('a season is asked for up to the planning time, not beyond, and not before it begins', async () => {
  server.products = [may, june]
  await addStac(app, server.url)
  const at = async (day: string) => {
    await setSeasonClock(app.db, { at: `${day}T12:00:00Z`, speed: 1 })
    server.asked.length = 0
    await look(app)
    const spans = server
      .askedFor(/search/)
      .map(({ body }) => (JSON.parse(body) as { datetime: string }).datetime)
    return [spans, (await all()).length]
  }
  try {
    expect(await at('2025-02-27')).toEqual([[], 0])
    expect(await at('2025-05-20')).toEqual([['2025-03-01T00:00:00Z/2025-05-20T23:59:59Z'], 1])
    expect(await at('2025-06-10')).toEqual([['2025-03-01T00:00:00Z/2025-06-10T23:59:59Z'], 2])
  } finally {
    await clearSeasonClock(app.db)
  }
})
