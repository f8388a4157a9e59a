import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { listAcquisitions } from '../../src/catalog/ingest.js'
import { readSettingLayers } from '../../src/catalog/settings.js'
import { listSources } from '../../src/db/sources/sources.js'
import { clientOf, openSource } from '../../src/sources/open-source.js'
import { filesBelow } from '../support/archives.js'
import { temporaryFolder } from '../support/cli.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { setSetting } from '../support/queue.js'
import { SourceServer, status, type Act, type Served } from '../support/source-server.js'
import {
  addFields,
  addStac,
  contextOf,
  fastSources,
  fetchAll,
  hurry,
  look,
  servedProduct,
  stagingOf,
} from '../support/sources.js'

const folder = temporaryFolder('s3')
const ENV = { S3_KEY: 'AKEY', S3_SECRET: 'very secret' }
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
  for (const table of ['source', 'acquisition', 'setting'] as const) await app.db.deleteFrom(table).execute()
  await fastSources(app)
})
const all = () => listAcquisitions(app.db, { state: null, tile: null })

/** The product as items of object stores have it: each file by its s3 address, checksums where the item states them. */
const inBucket = (over: (path: string) => Record<string, unknown> = () => ({})): Served => {
  const files = filesBelow(product.safePath, `${product.name}.SAFE/`)
  return {
    ...product,
    files,
    item: (item) => ({
      ...item,
      assets: Object.fromEntries(
        Object.entries(files).map(([path, bytes], i) => [
          `a${i}`,
          { href: `s3://bucket/${product.name}/${path}`, 'file:size': bytes.length, ...over(path) },
        ]),
      ),
    }),
  }
}
/** As a look has it. */
async function clientOfSource() {
  const [row] = await listSources(app.db, null)
  const source = openSource(row!)
  if (source.parsed.kind === 'folder') throw new Error('a folder has no client')
  return clientOf(source, source.parsed.config, contextOf(app), (await readSettingLayers(app.db))(null))
}
const s3 = () => ({ endpoint: `127.0.0.1:${server.port}`, https: false, virtual_hosting: false })

test('files of an object store come through GDAL, byte by byte the same, signed with the credentials', async () => {
  server.products = [inBucket()]
  await addStac(app, server.url, {
    config: { s3: s3() },
    credentials: { s3_key: 'env:S3_KEY', s3_secret: 'env:S3_SECRET' },
  })
  await look(app)
  const { events } = await fetchAll(app, ENV)
  expect(events).toMatchObject([{ kind: 'fetched' }])
  const [row] = await all()
  expect(filesBelow(join(app.config.roots.l1, row?.location.replace('l1:', '') ?? ''))).toEqual(
    filesBelow(product.safePath),
  )
  const signed = server.askedFor(/bucket/).map(({ headers }) => headers.authorization ?? '')
  expect(signed.every((header) => header.startsWith('AWS4-HMAC-SHA256 Credential=AKEY/'))).toBe(true)
  expect(JSON.stringify(server.asked)).not.toContain('very secret')
  expect(stagingOf(app)).toEqual([])
})

test('what is missing, wrong or too large in an object store ends with its code', async () => {
  await addStac(app, server.url, { config: { s3: { ...s3(), unsigned: true } } })
  server.products = [inBucket((path) => (path.endsWith('manifest.safe') ? { 'file:size': 7 } : {}))]
  await look(app)
  expect((await fetchAll(app)).events).toMatchObject([{ code: 'CHECKSUM_MISMATCH' }])
  const { files = {}, ...rest } = inBucket()
  server.products = [
    {
      ...rest,
      files: Object.fromEntries(Object.entries(files).filter(([path]) => !path.endsWith('manifest.safe'))),
    },
  ]
  await look(app)
  expect((await fetchAll(app)).events).toMatchObject([{ code: 'ASSET_MISSING', givenUp: true }])
  await setSetting(app.db, 'sources.max_product_mb', 1)
  const big = { ...files, [`${product.name}.SAFE/manifest.safe`]: Buffer.alloc(2 * 2 ** 20) }
  server.products = [
    {
      ...product,
      files: big,
      item: (item) => ({
        ...item,
        assets: { one: { href: `s3://bucket/${product.name}/${product.name}.SAFE/manifest.safe` } },
      }),
    },
  ]
  await look(app)
  expect((await fetchAll(app)).events).toMatchObject([{ code: 'DOWNLOAD_LIMIT', givenUp: true }])
})

test('a store that is away, busy or refuses leaves the acquisition to be fetched later, and loses nothing', async () => {
  await addStac(app, server.url, { config: { s3: { ...s3(), unsigned: true } } })
  server.products = [inBucket()]
  await look(app)
  const errorXml = (code: string) =>
    `<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message></Error>`
  const faults: [Act, string][] = [
    [status(503, {}, errorXml('SlowDown')), 'SOURCE_BUSY'],
    [status(503), 'SOURCE_BUSY'],
    [status(500, {}, 'out of order'), 'SOURCE_UNREACHABLE'],
    [status(403, {}, errorXml('AccessDenied')), 'SOURCE_REFUSED'],
    [status(403), 'SOURCE_REFUSED'],
    [(_req, res) => void res.destroy(), 'SOURCE_UNREACHABLE'],
  ]
  for (const [fault, code] of faults) {
    server.once(/bucket/, fault, Infinity)
    expect((await fetchAll(app)).events).toMatchObject([{ code, givenUp: false }])
    expect(await all()).toMatchObject([{ state: 'found' }])
    server.healed()
    await hurry(app)
  }
  expect((await fetchAll(app)).events).toMatchObject([{ kind: 'fetched' }])
})

test('without a word on how the store is reached nothing is asked', async () => {
  server.products = [inBucket()]
  await addStac(app, server.url)
  await look(app)
  expect((await fetchAll(app)).events).toMatchObject([{ code: 'ASSET_MISSING' }])
  expect(server.askedFor(/bucket/)).toEqual([])
})

test('objects keep the rate of their source together with its other requests, and a busy store holds those back', async () => {
  server.products = [inBucket()]
  await setSetting(app.db, 'sources.backoff_s', 0.5)
  await addStac(app, server.url, { config: { rate_per_s: 25, s3: { ...s3(), unsigned: true } } })
  await look(app)
  const client = await clientOfSource()
  const signal = new AbortController().signal
  const ask = () => client.json(`${server.url}/stac/search`, { signal })
  /** When each object and each page was first asked for. */
  const starts = new Map<string, number>()
  let pages = 0
  server.once(
    /bucket|search/,
    (req, _res, go) => {
      const what = req.url?.includes('search') ? `page ${pages++}` : (req.url ?? '')
      if (!starts.has(what)) starts.set(what, performance.now())
      go()
    },
    Infinity,
  )
  const before = performance.now()
  const [{ events }] = await Promise.all([fetchAll(app), ...Array.from({ length: 5 }, ask)])
  expect(events).toMatchObject([{ kind: 'fetched' }])
  const objects = Object.keys(server.products[0]?.files ?? {}).length
  expect(starts.size).toBe(objects + 5)
  // 40 ms from one to the next.
  expect([...starts.values()].at(-1)! - before).toBeGreaterThan((starts.size - 1) * 40 - 5)

  server.reset()
  server.products = [inBucket()]
  await app.db.deleteFrom('acquisition').execute()
  await look(app)
  let busyAt = 0
  server.once(/bucket/, (req, res, go) => {
    busyAt = performance.now()
    status(503)(req, res, go)
  }, Infinity) // prettier-ignore
  expect((await fetchAll(app)).events).toMatchObject([{ code: 'SOURCE_BUSY' }])
  await ask()
  expect(performance.now() - busyAt).toBeGreaterThan(490)
})
