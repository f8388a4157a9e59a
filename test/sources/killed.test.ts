import { execa } from 'execa'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import type { App } from '../../src/app.js'
import { listAcquisitions } from '../../src/catalog/ingest.js'
import { why } from '../../src/scheduler/why/why.js'
import { formatExplanation } from '../../src/scheduler/why/explanation.js'
import { programRoot, temporaryFolder, tilth } from '../support/cli.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { slowly, SourceServer, type Served } from '../support/source-server.js'
import { addFields, addStac, fastSources, servedProduct, stagingOf } from '../support/sources.js'

vi.setConfig({ testTimeout: 180_000 })

const folder = temporaryFolder('killed')
let database: TestDatabase
let app: App
let server: SourceServer
let product: Served

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
  await addStac(app, server.url)
})
const all = () => listAcquisitions(app.db, { state: null, tile: null })

/** A `tilth sources run` that is killed when `when` says so; resolves once it is dead. */
async function killedRun(when: () => Promise<boolean>): Promise<void> {
  const child = execa(process.execPath, [join(programRoot, 'dist/src/cli/main.js'), 'sources', 'run'], {
    reject: false,
    env: { TILTH_ROOT: programRoot, ...database.env },
  })
  let isOver = false
  void child.then(() => (isOver = true))
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- set by the callback above
  while (!isOver && !(await when())) await new Promise((resolve) => setTimeout(resolve, 10))
  child.kill('SIGKILL')
  await child
}

test('a fetch that is killed in the midst goes on where it was: one acquisition, and nothing left over', async () => {
  server.once(/product\.zip/, slowly(product.zip, 40, 150))
  await killedRun(() =>
    Promise.resolve(stagingOf(app).length > 0 && server.askedFor(/product\.zip/).length > 0).then(
      async (isAt) => {
        if (isAt) await new Promise((resolve) => setTimeout(resolve, 2500))
        return isAt
      },
    ),
  )
  expect(await all()).toMatchObject([{ state: 'fetching' }])
  const host = { node: app.config.host, proveRoots: () => Promise.resolve({}) }
  const [row] = await all()
  expect(formatExplanation(await why(app.db, `acquisition:${row?.id}`, host))).toMatch(
    /is being fetched\n.*source stac delivers it since/,
  )
  const again = await tilth(['sources', 'run'], database.env)
  expect(again).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining(`present  ${product.name}`) as string,
  })
  expect(server.askedFor(/product\.zip/)[1]?.headers.range).toMatch(/^bytes=[1-9]\d*-$/)
  const rows = await all()
  expect(rows).toMatchObject([{ id: row?.id, state: 'present' }])
  expect(existsSync(join(app.config.roots.l1, rows[0]?.location.replace('l1:', '') ?? ''))).toBe(true)
  expect(stagingOf(app)).toEqual([])
})

test('killed again and again, at any moment, it ends with the same', async () => {
  for (let delay = 400; (await all())[0]?.state !== 'present' && delay < 6000; delay += 120) {
    const at = performance.now()
    await killedRun(() => Promise.resolve(performance.now() - at > delay))
  }
  const last = await tilth(['sources', 'run'], database.env)
  expect(last.exitCode).toBe(0)
  expect(await all()).toMatchObject([{ state: 'present' }])
  expect(stagingOf(app)).toEqual([])
})

test('Ctrl-C breaks a fetch off cleanly; no failure is counted', async () => {
  server.once(/product\.zip/, slowly(product.zip, 20, 200))
  const child = execa(process.execPath, [join(programRoot, 'dist/src/cli/main.js'), 'sources', 'run'], {
    reject: false,
    env: { TILTH_ROOT: programRoot, ...database.env },
  })
  while (server.askedFor(/product\.zip/).length === 0) await new Promise((resolve) => setTimeout(resolve, 20))
  child.kill('SIGINT')
  expect((await child).exitCode).toBe(75)
  expect(await all()).toMatchObject([{ state: 'found', reason: null }])
  expect(await app.db.selectFrom('source_offer').select(['failures', 'fetch_attempt']).execute()).toEqual([
    { failures: 0, fetch_attempt: null },
  ])
  expect((await tilth(['sources', 'run'], database.env)).exitCode).toBe(0)
  expect(await all()).toMatchObject([{ state: 'present' }])
  expect(stagingOf(app)).toEqual([])
})
