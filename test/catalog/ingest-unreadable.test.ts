import * as files from 'node:fs/promises'
import { cpSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import type { App } from '../../src/app.js'
import { ingestPaths, listAcquisitions, type IngestOptions } from '../../src/catalog/ingest.js'
import { setSetting } from '../../src/catalog/settings.js'
import { simulateL1c } from '../../src/simulator/simulate-l1c.js'
import { filesBelow, zipOf } from '../support/archives.js'
import { temporaryFolder } from '../support/cli.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'

// Tests run as root, whom no folder is closed to: what a name says may not be read is refused here.
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof files>()
  const refusing =
    (work: (path: string, ...more: unknown[]) => unknown, call: string, refused: RegExp) =>
    (path: string, ...more: unknown[]) => {
      if (!refused.test(path)) return work(path, ...more)
      const text = `EACCES: permission denied, ${call} '${path}'`
      return Promise.reject(Object.assign(new Error(text), { code: 'EACCES', syscall: call, path }))
    }
  return {
    ...real,
    access: refusing(real.access as never, 'access', /(closed[^/]*|lost\+found)$/),
    open: refusing(real.open as never, 'open', /closed[^/]*\.zip$|ajar\.SAFE\/MTD_MSIL1C\.xml$/),
    // The product goes away while it is copied.
    cp: async (from: string, to: string, options: object) => {
      if (from.includes('leaving')) rmSync(from, { recursive: true })
      return real.cp(from, to, options)
    },
  }
})

const folder = temporaryFolder('unreadable')
let database: TestDatabase
let app: App
let safePath: string
let zip: Buffer
let incoming: string
let made = 0

beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
  await setSetting(app.db, 'storage.min_free_mb', '0', { site: null, by: 'test' })
  await setSetting(app.db, 'ingest.copy_quiet_s', '0', { site: null, by: 'test' })
  const options = { tile: '31TCJ', date: '2025-05-10', pixelSizeM: 720, seed: 5, noiseDn: 0, outDir: folder }
  safePath = (await simulateL1c(options)).safePath
  zip = await zipOf(filesBelow(safePath, 'P.SAFE/'))
})
afterAll(() => database.close())
beforeEach(async () => {
  await app.db.deleteFrom('acquisition').execute()
  incoming = join(folder, `${++made}`)
  mkdirSync(incoming)
})
const put = (name: string) => {
  const path = join(incoming, name)
  if (name.endsWith('.zip')) writeFileSync(path, zip)
  else cpSync(safePath, path, { recursive: true })
  return path
}
const ingest = async (options: Partial<IngestOptions> = {}, paths: readonly string[] = [incoming]) =>
  Object.fromEntries(
    (await ingestPaths(app, paths, { copy: false, ...options })).map((o) => [
      o.path.slice(incoming.length + 1),
      o.kind === 'present' ? o.kind : o.code,
    ]),
  )
const rows = async () =>
  Object.fromEntries(
    (await listAcquisitions(app.db, { state: null, tile: null })).map((row) => [
      basename(row.sourcePath ?? ''),
      row.state,
    ]),
  )

test('products and archives that vanish before their turn are reported, the others go on', async () => {
  put('a.SAFE')
  const gone = [put('b.SAFE'), put('c.zip')]
  put('d.SAFE')
  const onProgress = () => {
    for (const path of gone) rmSync(path, { recursive: true, force: true })
  }
  expect(await ingest({ onProgress })).toEqual({
    'a.SAFE': 'present',
    'b.SAFE': 'NOT_FOUND',
    'c.zip': 'PRODUCT_UNREADABLE',
    'd.SAFE': 'present',
  })
  expect(await rows()).toEqual({ 'a.SAFE': 'present', 'b.SAFE': 'broken', 'c.zip': 'broken' })
})

test('what may not be read is reported with the reason; only what its name promises is a row', async () => {
  for (const name of ['a.SAFE', 'closed.SAFE', 'ajar.SAFE', 'closed.zip', 'closed', 'lost+found']) put(name)
  put('z.SAFE')
  symlinkSync(join(incoming, 'nowhere'), join(incoming, 'dangling.SAFE'))
  const outcomes = await ingestPaths(app, [incoming], { copy: false })
  const said = outcomes.map((o) => [
    basename(o.path),
    o.kind === 'present' ? o.kind : `${o.code} ${o.reason}`,
  ])
  expect(Object.fromEntries(said)).toEqual({
    'a.SAFE': 'present',
    closed: expect.stringMatching(/^PRODUCT_UNREADABLE .*permission denied/) as string,
    'closed.SAFE': expect.stringMatching(/^PRODUCT_UNREADABLE .*permission denied/) as string,
    'closed.zip': expect.stringMatching(/^PRODUCT_UNREADABLE .*permission denied/) as string,
    'ajar.SAFE': expect.stringMatching(/^PRODUCT_UNREADABLE .*MTD_MSIL1C\.xml/) as string,
    'lost+found': expect.stringMatching(/^PRODUCT_UNREADABLE .*permission denied/) as string,
    'z.SAFE': 'present',
  })
  expect(await rows()).toEqual({
    'a.SAFE': 'present',
    'closed.SAFE': 'broken',
    'closed.zip': 'broken',
    'ajar.SAFE': 'broken',
  })
})

test('named itself it is reported as well, beside the others', async () => {
  const paths = ['closed.zip', 'closed.SAFE', 'a.SAFE'].map(put)
  expect(await ingest({}, paths)).toEqual({
    'closed.zip': 'PRODUCT_UNREADABLE',
    'closed.SAFE': 'PRODUCT_UNREADABLE',
    'a.SAFE': 'present',
  })
})

test('a product that was linked and then closed is broken', async () => {
  const path = put('a.SAFE')
  await ingest()
  const closed = `${path} closed`
  await app.db
    .updateTable('acquisition')
    .set({ metadata: JSON.stringify({ sourcePath: closed }), location: 'l1:gone' })
    .execute()
  cpSync(path, closed, { recursive: true })
  rmSync(path, { recursive: true })
  expect(await ingest()).toEqual({ 'a.SAFE closed': 'PRODUCT_UNREADABLE' })
  expect(await rows()).toEqual({ 'a.SAFE closed': 'broken' })
})

test('a product that goes away while it is copied is reported and leaves nothing, the others go on', async () => {
  put('leaving.SAFE')
  put('z.SAFE')
  expect(await ingest({ copy: true })).toEqual({ 'leaving.SAFE': 'PRODUCT_UNREADABLE', 'z.SAFE': 'present' })
  expect(await rows()).toEqual({ 'leaving.SAFE': 'broken', 'z.SAFE': 'present' })
  const staging = join(database.config.roots.l1, '.staging')
  expect(existsSync(staging) ? await files.readdir(staging) : []).toEqual([])
})
