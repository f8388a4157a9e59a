import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { listAcquisitions } from '../../src/catalog/ingest.js'
import { addSource, listSources } from '../../src/sources/manage.js'
import { testSource } from '../../src/sources/test-source.js'
import { temporaryFolder } from '../support/cli.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { sendFile, SourceServer, status, type Served } from '../support/source-server.js'
import {
  addFields,
  contextOf,
  fastSources,
  fetchAll,
  hurry,
  look,
  servedProduct,
} from '../support/sources.js'

const folder = temporaryFolder('odata')
const secret = join(folder, 'password')
const ENV = { CDSE_USER: 'me@example.org' }
let database: TestDatabase
let app: App
let server: SourceServer
let product: Served

beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
  server = await SourceServer.start()
  product = { ...(await servedProduct(folder, { date: '2025-05-10' })), id: '5f6d-1' }
  writeFileSync(secret, 'right\n', { mode: 0o600 })
  await addFields(app)
})
afterAll(async () => {
  await server.close()
  await database.close()
})
beforeEach(async () => {
  server.reset()
  server.products = [product]
  server.token = 'T1-token'
  server.tokens = ['T1-token']
  chmodSync(secret, 0o600)
  for (const table of ['source', 'acquisition', 'setting'] as const) await app.db.deleteFrom(table).execute()
  await fastSources(app)
})
const all = () => listAcquisitions(app.db, { state: null, tile: null })
const add = (over: Record<string, unknown> = {}) =>
  addSource(app.db, {
    ...{ name: 'cdse', site: 'fields', satellite: 's2', order: 10, kind: 'odata', enabled: true },
    credentials: { user: 'env:CDSE_USER', password: `file:${secret}` },
    config: {
      url: `${server.url}/odata/v1`,
      download_url: `${server.url}/odata/v1`,
      collection: 'SENTINEL-2',
      product_type: 'S2MSI1C',
      rate_per_s: 1000,
      auth: { kind: 'oauth2', token_url: `${server.url}/token`, client_id: 'cdse-public' },
      ...over,
    },
  })

test('products are searched by area, type and days over pages, and downloaded with a token', async () => {
  server.products = [
    product,
    { ...product, id: 'b', name: product.name.replace('31TCJ', '31TCH') },
    { ...product, id: 'c' },
  ]
  await add()
  expect(await look(app, ENV)).toMatchObject([{ error: null, counts: { results: 3, fresh: 1, outside: 1 } }])
  const [first] = server.askedFor(/odata\/v1\/Products\?/)
  const query = new URL(first?.url ?? '', server.url).searchParams
  expect(query.get('$filter')).toBe(
    "Collection/Name eq 'SENTINEL-2' and Attributes/OData.CSDL.StringAttribute/any(att:att/Name eq 'productType' and att/OData.CSDL.StringAttribute/Value eq 'S2MSI1C') " +
      "and OData.CSDL.Intersects(area=geography'SRID=4326;POLYGON((1.4 43.5,1.5 43.5,1.5 43.6,1.4 43.6,1.4 43.5))') " +
      'and ContentDate/Start ge 2025-03-01T00:00:00.000Z and ContentDate/Start le 2025-10-31T23:59:59.999Z',
  )
  expect((await fetchAll(app, ENV)).report).toMatchObject({ fetched: 1, failed: 0 })
  expect(await all()).toMatchObject([{ state: 'present', cloudPercent: expect.any(Number) as number }])
  expect(server.askedFor(/\$value/)[0]?.headers.authorization).toBe('Bearer T1-token')
  const [asked] = server.askedFor(/^\/token/)
  expect(Object.fromEntries(new URLSearchParams(asked?.body))).toEqual({
    client_id: 'cdse-public',
    grant_type: 'password',
    username: 'me@example.org',
    password: 'right',
  })
  expect(asked?.headers.authorization).toBeUndefined()
})

test('an expired token is renewed once for a request, by the refresh token where there is one', async () => {
  await add()
  server.refreshToken = 'R1'
  await look(app, ENV)
  server.tokens = ['T1-token', 'T2-token']
  // The first download finds T1 expired.
  server.once(/\$value/, (_req, res) => {
    server.token = 'T2-token'
    res.writeHead(401).end()
  })
  expect((await fetchAll(app, ENV)).report).toMatchObject({ fetched: 1, failed: 0 })
  expect(server.askedFor(/\$value/).map(({ headers }) => headers.authorization)).toEqual([
    'Bearer T1-token',
    'Bearer T2-token',
  ])
  const grants = server.askedFor(/^\/token/).map(({ body }) => new URLSearchParams(body).get('grant_type'))
  expect(grants.at(-1)).toBe('refresh_token')
})

test('a refresh token that has expired gives way to the password', async () => {
  await add()
  server.refreshToken = 'R1'
  await look(app, ENV)
  const { report } = await (async () => {
    server.tokens = ['T1-token', 'T2-token']
    server.once(/\$value/, (_req, res) => {
      server.token = 'T2-token'
      server.refreshToken = 'R2'
      res.writeHead(401).end()
    })
    return fetchAll(app, ENV)
  })()
  expect(report.fetched).toBe(1)
  const grants = server.askedFor(/^\/token/).map(({ body }) => new URLSearchParams(body).get('grant_type'))
  expect(grants.slice(-2)).toEqual(['refresh_token', 'password'])
})

test('a token that is refused twice is a refusal; the source is held back, the acquisition waits', async () => {
  await add()
  await look(app, ENV)
  server.token = 'never'
  server.tokens = ['T1-token', 'T2-token']
  const { events } = await fetchAll(app, ENV)
  expect(events).toMatchObject([{ code: 'SOURCE_REFUSED', givenUp: false }])
  expect(server.askedFor(/\$value/)).toHaveLength(2)
  expect(await all()).toMatchObject([{ state: 'found' }])
  server.token = 'T2-token'
  await hurry(app)
  expect((await fetchAll(app, ENV)).report.fetched).toBe(1)
})

test('credentials do not follow a redirect to another host, and go to one that is trusted only over https or on this machine', async () => {
  const away = status(307, { location: `${server.otherUrl}/files/${product.name}/product.zip` })
  await add({ hosts: ['localhost'] })
  await look(app, ENV)
  server.once(/\$value/, away)
  expect((await fetchAll(app, ENV)).report.fetched).toBe(1)
  const [there] = server.askedFor(/product\.zip/)
  expect(there?.headers.host).toMatch(/^localhost:/)
  expect(there?.headers.authorization).toBeUndefined()
  await app.db.deleteFrom('source').execute()
  await app.db.deleteFrom('acquisition').execute()
  await add({ trusted_hosts: ['localhost'] })
  await look(app, ENV)
  server.once(/\$value/, away)
  expect((await fetchAll(app, ENV)).report.fetched).toBe(1)
  expect(server.askedFor(/product\.zip/).at(-1)?.headers.authorization).toBe('Bearer T1-token')
})

test('a checksum of the catalogue that is not that of the archive is noticed', async () => {
  server.products = [{ ...product, md5: 'd41d8cd98f00b204e9800998ecf8427e' }]
  await add()
  await look(app, ENV)
  expect((await fetchAll(app, ENV)).events).toMatchObject([{ code: 'CHECKSUM_MISMATCH' }])
  expect(await all()).toMatchObject([{ state: 'found' }])
})

test('a product in the long-term archive is asked for again, and fetched once it is online', async () => {
  server.products = [{ ...product, online: false }]
  await add()
  await look(app, ENV)
  expect((await fetchAll(app, ENV)).events).toMatchObject([{ code: 'ASSET_OFFLINE', givenUp: false }])
  server.products = [product]
  await look(app, ENV)
  expect((await fetchAll(app, ENV)).report.fetched).toBe(1)
})

test('what is wrong with credentials is said with the name of variable or file, never with a value', async () => {
  await add()
  const noUser = await testSource(contextOf(app, {}), 'cdse', new AbortController().signal)
  expect(noUser.error).toMatchObject({
    code: 'SOURCE_CREDENTIALS',
    message: expect.stringContaining('CDSE_USER') as string,
  })
  expect(noUser.credentials).toMatchObject([
    { role: 'user', where: 'env:CDSE_USER', problem: expect.any(String) as string },
    { role: 'password', where: `file:${secret}`, problem: null },
  ])
  chmodSync(secret, 0o640)
  const open = await testSource(contextOf(app, ENV), 'cdse', new AbortController().signal)
  expect(open.error?.message).toMatch(/mode 0640, expected 0600/)
  writeFileSync(join(folder, 'wrong'), 'wrong', { mode: 0o600 })
  await app.db
    .updateTable('source')
    .set({
      credentials: JSON.stringify({ user: 'env:CDSE_USER', password: `file:${join(folder, 'wrong')}` }),
    })
    .execute()
  const refused = await testSource(contextOf(app, ENV), 'cdse', new AbortController().signal)
  expect(refused.error?.code).toBe('SOURCE_REFUSED')
  expect(JSON.stringify([noUser, open, refused])).not.toMatch(/"wrong"|right/)
  expect(await all()).toEqual([])
})

test('a service that says again what it was told gives no secret away', async () => {
  await add()
  await look(app, ENV)
  server.once(/\$value/, (req, res) =>
    res.writeHead(403).end(`you sent ${req.headers.authorization ?? ''}, no`),
  )
  const { events } = await fetchAll(app, ENV)
  expect(events).toMatchObject([
    { code: 'SOURCE_REFUSED', message: expect.stringContaining('you sent Bearer ***, no') as string },
  ])
  server.once(
    /^\/token/,
    (_req, res) => res.writeHead(500).end('pw=right user=me@example.org or me%40example.org'),
    9,
  )
  const { error } = await testSource(contextOf(app, ENV), 'cdse', new AbortController().signal)
  expect(error?.message).toContain('pw=*** user=*** or ***')
})

test('a secret as such gets neither through the program nor into the database', async () => {
  const draft = {
    ...({ name: 'x', site: null, satellite: 's2', order: 1, kind: 'odata', enabled: true } as const),
    config: (await add().then(() => listSources(app.db)))[0]?.config as Record<string, unknown>,
  }
  await expect(
    addSource(app.db, { ...draft, credentials: { user: 'me', password: 'hunter2' } }),
  ).rejects.toMatchObject({
    code: 'SOURCE_INVALID',
    message: expect.not.stringContaining('hunter2') as string,
  })
  for (const credentials of [{ password: 'hunter2' }, { password: { value: 'x' } }, { password: 7 }, ['x']])
    await expect(
      app.db
        .updateTable('source')
        .set({ credentials: JSON.stringify(credentials) })
        .execute(),
    ).rejects.toThrow('source_credentials_are_names')
  await expect(
    addSource(app.db, {
      ...draft,
      credentials: { user: 'env:A', password: 'env:B' },
      config: { ...draft.config, url: 'http://catalogue.example.org/odata/v1' },
    }),
  ).rejects.toMatchObject({
    code: 'SOURCE_INVALID',
    message: expect.stringContaining('https only') as string,
  })
})

test('a body that is cut is gone on with after the token was renewed', async () => {
  await add()
  await look(app, ENV)
  server.tokens = ['T1-token', 'T2-token']
  const half = Math.floor(product.zip.length / 2)
  server.once(/\$value/, (req, res) => {
    res.writeHead(200, { etag: '"e"', 'content-length': product.zip.length })
    res.write(product.zip.subarray(0, half), () => setTimeout(() => res.destroy(), 50))
    server.token = 'T2-token'
  })
  server.once(/\$value/, (_req, res) => res.writeHead(401).end())
  server.once(/\$value/, (req, res) => {
    delete req.headers['if-range']
    sendFile(req, res, product.zip)
  })
  expect((await fetchAll(app, ENV)).report).toMatchObject({ fetched: 1, failed: 0 })
  expect(server.askedFor(/\$value/).at(-1)?.headers).toMatchObject({
    authorization: 'Bearer T2-token',
    range: expect.stringMatching(/^bytes=[1-9]\d*-$/) as string,
  })
})
