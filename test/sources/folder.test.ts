import { appendFileSync, cpSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { listAcquisitions } from '../../src/catalog/ingest.js'
import { sourceDuties } from '../../src/scheduler/source-duties.js'
import { addSource, editSource } from '../../src/sources/manage.js'
import { filesBelow, zipOf } from '../support/archives.js'
import { temporaryFolder } from '../support/cli.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { setSetting } from '../support/queue.js'
import type { Served } from '../support/source-server.js'
import { addFields, fastSources, look, servedProduct } from '../support/sources.js'

const folder = temporaryFolder('watched')
const made = join(folder, 'made')
let incoming: string
let database: TestDatabase
let app: App
let product: Served & { safePath: string }
let count = 0

beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
  mkdirSync(made)
  product = await servedProduct(made, { date: '2025-05-10' })
  await addFields(app)
})
afterAll(() => database.close())
beforeEach(async () => {
  for (const table of ['source', 'acquisition', 'setting'] as const) await app.db.deleteFrom(table).execute()
  await fastSources(app)
  await setSetting(app.db, 'ingest.copy_quiet_s', 0)
  incoming = join(folder, `incoming ${++count}`)
  mkdirSync(incoming)
})
const all = () => listAcquisitions(app.db, { state: null, tile: null })
const add = (config: Record<string, unknown> = {}) =>
  addSource(app.db, {
    ...{
      name: 'incoming',
      site: null,
      satellite: 's2',
      order: 1,
      kind: 'folder',
      enabled: true,
      credentials: {},
    },
    config: { path: incoming, ...config },
  })
const arrive = (name = `${product.name}.SAFE`) => {
  cpSync(product.safePath, join(incoming, name), { recursive: true })
  return join(incoming, name)
}
const until = async (isTrue: () => Promise<boolean>) => {
  for (let i = 0; i < 400 && !(await isTrue()); i++) await sleep(25)
  expect(await isTrue()).toBe(true)
}

test('what is new is ingested once, and again only when it has changed', async () => {
  await add()
  expect(await look(app)).toMatchObject([{ error: null, counts: { results: 0 } }])
  const path = arrive()
  writeFileSync(join(incoming, 'other.zip'), await zipOf(filesBelow(product.safePath, 'P.SAFE/')))
  expect(await look(app)).toMatchObject([
    {
      counts: { results: 2, asked: 2, fresh: 1 },
      identities: [/S2_L1C/, /S2_L1C/].map(() => expect.any(String) as string),
    },
  ])
  const [row] = await all()
  expect(row).toMatchObject({ state: 'present', sourcePath: path })
  expect(await readlink(join(app.config.roots.l1, row?.location.replace('l1:', '') ?? ''))).toBe(path)
  expect(await look(app)).toMatchObject([{ counts: { results: 2, asked: 0 } }])
  rmSync(join(path, 'manifest.safe'))
  expect(await look(app)).toMatchObject([{ counts: { asked: 1 } }])
})

test('a product that still changes is left alone until it has been quiet', async () => {
  await setSetting(app.db, 'ingest.copy_quiet_s', 2)
  await add()
  const path = arrive()
  const growing = join(path, 'growing')
  for (let i = 0; i < 3; i++) {
    writeFileSync(growing, 'x'.repeat(i))
    const [first] = await look(app)
    expect(first?.counts.asked).toBe(0)
    expect(first?.againInS).toBeGreaterThan(0)
    expect(first?.againInS).toBeLessThanOrEqual(2)
    await sleep(300)
  }
  expect(await all()).toEqual([])
  rmSync(growing)
  await sleep(2100)
  expect(await look(app)).toMatchObject([{ counts: { asked: 1, fresh: 1 }, againInS: null }])
})

test('a broken product is looked at again when it is mended', async () => {
  await add()
  const path = arrive()
  renameSync(join(path, 'MTD_MSIL1C.xml'), join(folder, 'kept.xml'))
  expect(await look(app)).toMatchObject([{ counts: { skipped: 1 } }])
  expect(await all()).toMatchObject([{ state: 'broken' }])
  expect(await look(app)).toMatchObject([{ counts: { asked: 0 } }])
  renameSync(join(folder, 'kept.xml'), join(path, 'MTD_MSIL1C.xml'))
  await look(app)
  expect(await all()).toMatchObject([{ state: 'present' }])
})

test('filters hold for folders too, and a filter that changes is applied to what was left out', async () => {
  await add({ filters: { orbits: [1] } })
  arrive()
  expect(await look(app)).toMatchObject([{ counts: { refused: 1 }, identities: [] }])
  expect(await all()).toMatchObject([{ state: 'ignored', reasonCode: 'FILTER_ORBIT' }])
  await editSource(app.db, 'incoming', { config: { path: incoming } })
  await look(app)
  expect(await all()).toMatchObject([{ state: 'present', reason: null }])
})

test('a folder that is gone is an error of its own; what was ingested stays', async () => {
  await add()
  arrive()
  await look(app)
  renameSync(incoming, `${incoming} away`)
  expect(await look(app)).toMatchObject([{ error: { code: 'NOT_FOUND' } }])
  renameSync(`${incoming} away`, incoming)
  expect(await look(app)).toMatchObject([{ error: null }])
  expect(await all()).toMatchObject([{ state: 'present' }])
})

test('the duty sees what comes without waiting for a rescan, and a rescan finds what no event told', async () => {
  await setSetting(app.db, 'sources.rescan_s', 3600)
  await add()
  const said: string[] = []
  const log = { info: (m: string) => said.push(m), warn: (m: string) => said.push(m) }
  const [duty] = sourceDuties({ db: app.db, config: app.config, log })
  const controller = new AbortController()
  const round = async () => {
    await duty?.run(controller.signal)
    return (await all())[0]?.state === 'present'
  }
  try {
    await round()
    expect(await all()).toEqual([])
    arrive()
    await until(round)
    expect(said).toContain('source incoming: 1 new acquisitions')
    // Without inotify.
    await app.db.deleteFrom('acquisition').execute()
    await editSource(app.db, 'incoming', { config: { path: incoming, watch: false } })
    await round()
    appendFileSync(join(incoming, `${product.name}.SAFE`, 'note.txt'), 'x')
    await round()
    expect(await all()).toEqual([])
    await setSetting(app.db, 'sources.rescan_s', 1)
    await until(round)
  } finally {
    controller.abort()
  }
})
