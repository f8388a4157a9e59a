import { createHash } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { listAcquisitions } from '../../src/catalog/ingest.js'
import { listSources } from '../../src/sources/manage.js'
import { temporaryFolder } from '../support/cli.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { setSetting } from '../support/queue.js'
import { cutAfter, sendFile, slowly, SourceServer, status, type Served } from '../support/source-server.js'
import {
  addFields,
  addStac,
  fastSources,
  fetchAll,
  hurry,
  look,
  servedProduct,
  stagingOf,
} from '../support/sources.js'

const folder = temporaryFolder('misbehaving')
let database: TestDatabase
let app: App
let server: SourceServer
let product: Served & { safePath: string }

beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
  server = await SourceServer.start()
  product = await servedProduct(folder, { date: '2025-05-10' })
  await addFields(app)
})
afterAll(async () => {
  await server.close()
  await database.close()
})
beforeEach(async () => {
  server.reset()
  server.products = [product]
  for (const table of ['source', 'acquisition', 'setting'] as const) await app.db.deleteFrom(table).execute()
  await fastSources(app)
})
const all = () => listAcquisitions(app.db, { state: null, tile: null })
const offers = () => app.db.selectFrom('source_offer').selectAll().execute()
/** Looks with a well-behaved service, so that only the fetch is disturbed. */
const found = async (config: Record<string, unknown> = {}) => {
  await addStac(app, server.url, { config })
  await look(app)
}
const asIfAnotherProduct = (href: string) => (item: Record<string, unknown>) => ({
  ...item,
  assets: { product: { href, type: 'application/zip' } },
})

test('429 with Retry-After is waited for as long as the service says', async () => {
  await addStac(app, server.url)
  server.once(/search/, status(429, { 'retry-after': '1' }))
  const before = performance.now()
  expect(await look(app)).toMatchObject([{ error: null, counts: { wanted: 1 } }])
  expect(performance.now() - before).toBeGreaterThan(990)
})

test('a demand to wait for long holds the source back, and is no fault of the acquisition', async () => {
  await found()
  server.once(/product\.zip/, status(503, { 'retry-after': '3600' }))
  const { events } = await fetchAll(app)
  expect(events).toMatchObject([{ code: 'SOURCE_BUSY', givenUp: false }])
  expect(server.askedFor(/product\.zip/)).toHaveLength(1)
  const [source] = await listSources(app.db)
  expect((source?.nextRunAt.getTime() ?? 0) - Date.now()).toBeGreaterThan(3500_000)
  expect(source?.isDue).toBe(false)
  expect(await offers()).toMatchObject([{ failures: 0, given_up: false, error_code: 'SOURCE_BUSY' }])
  await hurry(app)
  expect((await fetchAll(app)).report.fetched).toBe(1)
})

test('503 without a word is tried again with pauses, then later', async () => {
  await found()
  server.once(/product\.zip/, status(503), 2)
  expect((await fetchAll(app)).report).toMatchObject({ fetched: 1, failed: 0 })
  expect(server.askedFor(/product\.zip/)).toHaveLength(3)
})

test('a body that is cut is gone on with where it ended', async () => {
  await found()
  server.once(/product\.zip/, cutAfter(product.zip, 0.6))
  expect((await fetchAll(app)).report).toMatchObject({ fetched: 1, failed: 0 })
  const ranges = server.askedFor(/product\.zip/).map(({ headers }) => headers.range)
  expect(ranges[0]).toBeUndefined()
  const from = Number(/^bytes=(\d+)-$/.exec(ranges[1] ?? '')?.[1])
  expect(from).toBeGreaterThan(0)
  expect(from).toBeLessThanOrEqual(Math.floor(product.zip.length * 0.6))
})

test('a file that changed meanwhile is fetched anew, not glued to the old part', async () => {
  const other = Buffer.from(product.zip)
  other.reverse()
  await found()
  // The part is of another content and has another tag.
  server.once(/product\.zip/, cutAfter(other, 0.5))
  expect((await fetchAll(app)).report).toMatchObject({ fetched: 1, failed: 0 })
})

test('a body that is always cut ends with its code, is visible nowhere, and goes on with the next run', async () => {
  await found()
  server.once(/product\.zip/, cutAfter(product.zip, 0.3), 3)
  const { events } = await fetchAll(app)
  expect(events).toMatchObject([{ code: 'DOWNLOAD_TRUNCATED', givenUp: false }])
  expect(await all()).toMatchObject([{ state: 'found' }])
  await hurry(app)
  expect((await fetchAll(app)).report).toMatchObject({ fetched: 1 })
  expect(server.askedFor(/product\.zip/).at(-1)?.headers.range).toMatch(/^bytes=\d+-$/)
  expect(stagingOf(app)).toEqual([])
})

test('a wrong checksum is never recorded: fetched once more, then given up as broken', async () => {
  const wrong = createHash('sha256').update('something else').digest('hex')
  server.products = [
    {
      ...product,
      item: (item) => ({
        ...item,
        assets: {
          product: {
            href: `${server.url}/files/${product.name}/product.zip`,
            type: 'application/zip',
            'file:checksum': `1220${wrong}`,
          },
        },
      }),
    },
  ]
  await found()
  expect((await fetchAll(app)).events).toMatchObject([{ code: 'CHECKSUM_MISMATCH', givenUp: false }])
  expect(await all()).toMatchObject([{ state: 'found' }])
  await hurry(app)
  expect(stagingOf(app)).toHaveLength(1)
  expect((await fetchAll(app)).events).toMatchObject([{ code: 'CHECKSUM_MISMATCH', givenUp: true }])
  expect(stagingOf(app)).toEqual([])
  const [row] = await all()
  expect(row).toMatchObject({ state: 'broken', reasonCode: 'CHECKSUM_MISMATCH' })
  expect(row?.reason).toContain(wrong)
  expect(server.askedFor(/product\.zip/)).toHaveLength(2)
  // The service mends its item: what is offered is another thing, and is fetched.
  server.products = [product]
  await look(app)
  expect((await fetchAll(app)).report.fetched).toBe(1)
  expect(await all()).toMatchObject([{ state: 'present' }])
  expect(stagingOf(app)).toEqual([])
})

test('a connection that falls silent is cut and tried again; a slow one is not', async () => {
  await setSetting(app.db, 'sources.stall_s', 2)
  await found()
  server.once(/product\.zip/, (_req, res) => {
    res.writeHead(200, { 'content-length': product.zip.length })
    res.write(product.zip.subarray(0, 1000))
  })
  server.once(/product\.zip/, slowly(product.zip, 5, 500))
  const before = performance.now()
  expect((await fetchAll(app)).report).toMatchObject({ fetched: 1, failed: 0 })
  expect(performance.now() - before).toBeGreaterThan(4400)
  expect(server.askedFor(/product\.zip/)).toHaveLength(2)
})

test('a redirect to a host that the source names is followed, to another one it is not', async () => {
  const toOther = status(302, { location: `${server.otherUrl}/files/${product.name}/product.zip` })
  server.products = [{ ...product, item: asIfAnotherProduct(`${server.url}/start.zip`) }]
  server.once(/start\.zip/, toOther, 2)
  await found()
  const { events } = await fetchAll(app)
  expect(events).toMatchObject([{ code: 'SOURCE_HOST_REFUSED', givenUp: true }])
  expect(server.askedFor(/product\.zip/)).toEqual([])
  await app.db.deleteFrom('source').execute()
  await app.db.deleteFrom('acquisition').execute()
  await found({ hosts: ['localhost'] })
  expect((await fetchAll(app)).report.fetched).toBe(1)
})

test('a redirect that turns in a circle ends', async () => {
  server.products = [{ ...product, item: asIfAnotherProduct(`${server.url}/circle.zip`) }]
  server.once(/circle/, status(302, { location: '/circle.zip' }), 100)
  await found()
  expect((await fetchAll(app)).events).toMatchObject([{ code: 'SOURCE_ANSWER_INVALID' }])
  expect(server.askedFor(/circle/).length).toBeLessThan(10)
})

test.each([
  ['../../../etc/cron.d/x', 'an escape'],
  ['a/../../b', 'an escape in the middle'],
  ['/etc/passwd', 'an absolute path'],
  ['a\\b', 'a backslash'],
  ['a\u0001b', 'a control character'],
  ['.staging', 'a hidden file'],
])('a file that wants to be %s (%s) is never fetched', async (path) => {
  server.products = [
    {
      ...product,
      item: (item) => ({
        ...item,
        assets: {
          one: { href: `${server.url}/files/${product.name}/a`, 'file:local_path': `x.SAFE/${path}` },
          two: { href: `${server.url}/files/${product.name}/b`, 'file:local_path': path },
        },
      }),
    },
  ]
  await found()
  const [row] = await all()
  expect(row).toMatchObject({ state: 'broken', reasonCode: 'ASSET_UNSAFE' })
  expect((await fetchAll(app)).report).toMatchObject({ fetched: 0, failed: 0 })
  expect(server.askedFor(/files/)).toEqual([])
})

test('an item that cannot be stored keeps no other out', async () => {
  server.products = [{ ...product, id: 'a\u0000b' }, { ...product, id: 'c\ud800d' }, product]
  await addStac(app, server.url)
  expect(await look(app)).toMatchObject([{ error: null, counts: { skipped: 2, wanted: 1 } }])
})

test('pages that come again and pages without an end are refused', async () => {
  const page = (next: string) => JSON.stringify({ features: [], links: [{ rel: 'next', href: next }] })
  await addStac(app, server.url)
  server.once(/search/, (_req, res) => res.end(page('/stac/search?token=x')), 3)
  expect(await look(app)).toMatchObject([{ error: { code: 'SOURCE_ANSWER_INVALID' } }])
  await setSetting(app.db, 'sources.max_pages', 5)
  let count = 0
  server.once(/search/, (_req, res) => res.end(page(`/stac/search?token=${++count}`)), 100)
  expect(await look(app)).toMatchObject([
    {
      error: {
        code: 'SOURCE_ANSWER_INVALID',
        message: expect.stringContaining('more than 5 pages') as string,
      },
    },
  ])
})

test('next pages on a host that the source does not name are not asked', async () => {
  await addStac(app, server.url)
  const evil = {
    rel: 'next',
    href: `${server.otherUrl}/stac/search`,
    method: 'POST',
    headers: { Authorization: 'x' },
  }
  server.once(/search/, (_req, res) => res.end(JSON.stringify({ features: [], links: [evil] })))
  expect(await look(app)).toMatchObject([{ error: { code: 'SOURCE_HOST_REFUSED' } }])
  expect(server.asked).toHaveLength(1)
})

test('what is no STAC API is said, and keeps no other source from being asked', async () => {
  await addStac(app, server.url, { name: 'good' })
  await addStac(app, `${server.url}/nothing`, { name: 'bad' })
  const looks = await look(app)
  expect(looks.map(({ source, error }) => [source, error?.code])).toEqual([
    ['bad', 'SOURCE_ANSWER_INVALID'],
    ['good', undefined],
  ])
})

test('another product than was offered is not kept', async () => {
  const other = await servedProduct(folder, { date: '2025-07-09' })
  server.products = [{ ...product, zip: other.zip }]
  await found()
  expect((await fetchAll(app)).events).toMatchObject([{ code: 'FETCH_MISMATCH', givenUp: true }])
  expect(await all()).toMatchObject([{ state: 'broken', reasonCode: 'FETCH_MISMATCH' }])
  expect((await fetchAll(app)).report.fetched).toBe(0)
  expect(stagingOf(app)).toEqual([])
})

test('more than the limit is not downloaded, whether the service says so or not', async () => {
  await setSetting(app.db, 'sources.max_product_mb', 1)
  const endless = Buffer.alloc(3 * 2 ** 20, 1)
  server.products = [{ ...product, item: asIfAnotherProduct(`${server.url}/big.zip`) }]
  server.once(/big/, (_req, res) => res.writeHead(200).end(endless))
  await found()
  expect((await fetchAll(app)).events).toMatchObject([{ code: 'DOWNLOAD_LIMIT', givenUp: true }])
  server.products = [{ ...product, zip: endless }]
  await look(app)
  expect((await fetchAll(app)).events).toMatchObject([{ code: 'DOWNLOAD_LIMIT' }])
  expect(server.askedFor(/product\.zip/)).toEqual([])
})

test('a fetch that would go over a quota or leave too little space waits, and says for what', async () => {
  await found()
  await setSetting(app.db, 'sources.quota_mb', 1)
  await app.db
    .updateTable('source_offer')
    .set({ bytes: 2 * 2 ** 20 })
    .execute()
  expect((await fetchAll(app)).events).toMatchObject([{ code: 'QUOTA_EXCEEDED', givenUp: false }])
  await setSetting(app.db, 'sources.quota_mb', 0)
  await setSetting(app.db, 'storage.min_free_mb', 1_073_741_824)
  await hurry(app)
  const { report } = await fetchAll(app)
  expect(report.stopped?.code).toBe('DISK_FULL')
  expect(await offers()).toMatchObject([{ failures: 0, error_code: 'DISK_FULL' }])
  expect(await all()).toMatchObject([{ state: 'found' }])
  expect(server.askedFor(/files/)).toEqual([])
})

test('quotas of a site bound its tiles alone: of fetched acquisitions, and of an archive that is full already', async () => {
  await found()
  await app.db
    .updateTable('source_offer')
    .set({ bytes: 2 * 2 ** 20 })
    .execute()
  const siteId = (await app.db.selectFrom('site').select('id').executeTakeFirstOrThrow()).id
  const bound = (key: string) =>
    app.db.insertInto('setting').values({ key, site_id: siteId, value: '1', updated_by: 'test' }).execute()
  await bound('sources.quota_mb')
  expect((await fetchAll(app)).events).toMatchObject([
    { code: 'QUOTA_EXCEEDED', message: expect.stringContaining('site fields') as string },
  ])
  await app.db.deleteFrom('setting').where('key', '=', 'sources.quota_mb').execute()
  await bound('storage.quota_mb')
  await app.db
    .insertInto('storage_use')
    .values({
      root: 'archive',
      satellite: 's2',
      tile: '31TCJ',
      level: 'L2A',
      products: 1,
      bytes: 3 * 2 ** 20,
    })
    .execute()
  await hurry(app)
  expect((await fetchAll(app)).events).toMatchObject([
    { code: 'QUOTA_EXCEEDED', message: expect.stringContaining('nothing could be made of') as string },
  ])
  await app.db.deleteFrom('storage_use').execute()
  await hurry(app)
  expect((await fetchAll(app)).report.fetched).toBe(1)
})

test('several are fetched at once, but no more than the source allows', async () => {
  const days = ['2025-05-20', '2025-05-30', '2025-06-09', '2025-06-19']
  server.products = []
  for (const date of days) server.products.push(await servedProduct(folder, { date }))
  let [active, most] = [0, 0]
  server.once(
    /product\.zip/,
    (req, res, go) => {
      active++
      most = Math.max(most, active)
      res.on('close', () => active--)
      setTimeout(go, 150)
    },
    days.length,
  )
  await found({ parallel: 2 })
  expect((await fetchAll(app)).report.fetched).toBe(days.length)
  expect(most).toBe(2)
})

test('a service that ignores ranges still delivers', async () => {
  await found()
  server.once(/product\.zip/, cutAfter(product.zip, 0.6))
  server.once(/product\.zip/, (req, res) => {
    delete req.headers.range
    sendFile(req, res, product.zip)
  })
  expect((await fetchAll(app)).report).toMatchObject({ fetched: 1, failed: 0 })
})
