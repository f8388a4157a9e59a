import { execaSync } from 'execa'
import { mkdirSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { listAcquisitions } from '../../src/catalog/ingest.js'
import { temporaryFolder } from '../support/cli.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { SourceServer, type Served } from '../support/source-server.js'
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

const mount = (...args: string[]): boolean => execaSync('mount', args, { reject: false }).exitCode === 0
const probe = temporaryFolder('may mount')
const mayMount = mount('-t', 'tmpfs', '-o', 'size=1m', 'tilth-test', probe)
if (mayMount) execaSync('umount', [probe])

describe.skipIf(!mayMount)(
  'a disk that runs full in the midst of a download (needs the right to mount a tmpfs)',
  () => {
    const folder = temporaryFolder('disk full')
    let database: TestDatabase
    let app: App
    let server: SourceServer
    let product: Served
    let l1: string
    beforeAll(async () => {
      database = await createTestDatabase()
      app = await database.open()
      server = await SourceServer.start()
      product = await servedProduct(folder, { date: '2025-05-10' })
      l1 = app.config.roots.l1
      mkdirSync(l1, { recursive: true })
      const kib = Math.floor(product.zip.length / 2 / 1024)
      expect(mount('-t', 'tmpfs', '-o', `size=${kib}k`, 'tilth-test', l1)).toBe(true)
      await addFields(app)
      await fastSources(app)
    })
    afterAll(async () => {
      await server.close()
      execaSync('umount', ['-l', l1], { reject: false })
      await database.close()
    })

    test('stops fetching with DISK_FULL, shows nothing, and goes on when there is room', async () => {
      server.products = [product]
      await addStac(app, server.url)
      await look(app)
      // As if the source had said too little: else it would not even be begun.
      await app.db.updateTable('source_offer').set({ bytes: 1 }).execute()
      const { report } = await fetchAll(app)
      expect(report).toMatchObject({ fetched: 0, failed: 1 })
      expect(report.stopped?.code).toBe('DISK_FULL')
      expect(await listAcquisitions(app.db, { state: null, tile: null })).toMatchObject([{ state: 'found' }])
      expect(server.askedFor(/product\.zip/)).toHaveLength(1)
      expect(mount('-o', 'remount,size=64m', l1)).toBe(true)
      await hurry(app)
      expect((await fetchAll(app)).report).toMatchObject({ fetched: 1, stopped: null })
      expect(await listAcquisitions(app.db, { state: null, tile: null })).toMatchObject([
        { state: 'present' },
      ])
      expect(server.askedFor(/product\.zip/).at(-1)?.headers.range).toMatch(/^bytes=[1-9]\d*-$/)
      expect(stagingOf(app)).toEqual([])
    })
  },
)
