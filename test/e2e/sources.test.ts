import { execa } from 'execa'
import { cpSync, mkdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { App } from '../../src/app.js'
import { listAcquisitions } from '../../src/catalog/ingest.js'
import { addSource } from '../../src/sources/manage.js'
import { simulateLandsat } from '../../src/simulator/landsat/simulate-landsat.js'
import { filesBelow } from '../support/archives.js'
import { programRoot, temporaryFolder } from '../support/cli.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { setSetting } from '../support/queue.js'
import { SourceServer, type Served } from '../support/source-server.js'
import { addFields, addStac, fastSources, servedProduct, stagingOf } from '../support/sources.js'

vi.setConfig({ testTimeout: 180_000 })

const folder = temporaryFolder('sources e2e')
const incoming = join(folder, 'incoming')
let database: TestDatabase
let app: App
let server: SourceServer

beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
  server = await SourceServer.start()
  mkdirSync(incoming)
  await addFields(app)
  await fastSources(app)
  await setSetting(app.db, 'ingest.copy_quiet_s', 1)
  await setSetting(app.db, 'sources.interval_s', 3)
  await setSetting(app.db, 'sources.late_days', 3660)
})
afterAll(async () => {
  await server.close()
  await database.close()
})

/** A scene as USGS's STAC has it: files of one folder, named by their last part. */
async function servedLandsat(): Promise<Served> {
  const { productPath } = await simulateLandsat({
    tile: '198030',
    date: '2025-05-12',
    pixelSizeM: 3000,
    outDir: folder,
  })
  expect(statSync(productPath).isDirectory()).toBe(true)
  const name = basename(productPath)
  const files = filesBelow(productPath)
  return {
    ...{
      id: name,
      name,
      sensedAt: '2025-05-12T10:30:00.000Z',
      tile: '198030',
      cloud: 5,
      zip: Buffer.alloc(0),
      files,
    },
    item: ({ assets, ...item }) => ({
      ...item,
      properties: { datetime: '2025-05-12T10:30:00Z', platform: 'landsat-8', 'eo:cloud_cover': 5 },
      assets,
    }),
  }
}

test('`tilth up` finds and fetches by itself, from two services and a folder', async () => {
  const may = await servedProduct(folder, { date: '2025-05-10' })
  const june = await servedProduct(folder, { date: '2025-06-09' })
  const july = await servedProduct(folder, { date: '2025-07-09' })
  server.products = [may]
  await addStac(app, server.url)
  await addStac(app, server.url, {
    name: 'usgs',
    satellite: 'landsat',
    config: { url: `${server.url}/stac` },
  })
  await addSource(app.db, {
    ...{
      name: 'incoming',
      site: null,
      satellite: 's2',
      order: 1,
      kind: 'folder',
      enabled: true,
      credentials: {},
    },
    config: { path: incoming },
  })
  const up = execa(process.execPath, [join(programRoot, 'dist/src/cli/main.js'), 'up'], {
    reject: false,
    env: { TILTH_ROOT: programRoot, ...database.env },
  })
  const present = async (count: number) => {
    for (let i = 0; i < 1200; i++) {
      const rows = await listAcquisitions(app.db, { state: 'present', tile: null })
      if (rows.length === count) return rows
      await sleep(100)
    }
    throw new Error(
      `expected ${count} acquisitions: ${JSON.stringify(await listAcquisitions(app.db, { state: null, tile: null }))}`,
    )
  }
  try {
    await present(1)
    cpSync(june.safePath, join(incoming, basename(june.safePath)), { recursive: true })
    await present(2)
    // Published late.
    server.products = [may, july, await servedLandsat()]
    const rows = await present(4)
    expect(rows.map(({ tile }) => tile).sort()).toEqual(['198030', '31TCJ', '31TCJ', '31TCJ'])
    // What came from the services lies in the root whole; of the folder it is a link. An acquisition is present a moment before its fetch has tidied up.
    await vi.waitFor(() => {
      expect(stagingOf(app)).toEqual([])
    }, 30_000)
  } finally {
    up.kill('SIGTERM')
    const { stderr } = await up
    expect(stderr).not.toMatch(/warn (source|sources) .*(INTERNAL|Unhandled)/)
  }
})
