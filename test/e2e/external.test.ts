import { mkdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { archiveLimits } from '../../src/config/archive-limits.js'
import { exportToFolder } from '../../src/runner/export/export-product.js'
import { correctToFolder } from '../../src/runner/l2a/correct-to-folder.js'
import { simulateL1c } from '../../src/simulator/simulate-l1c.js'
import { temporaryFolder, tilth } from '../support/cli.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { fakeTool, type FakeTool } from '../support/fake-tools.js'
import { setSetting } from '../support/queue.js'

const home = temporaryFolder('external e2e')
let database: TestDatabase
let db: App['db']
let sen2cor: FakeTool
let safe: string
let ours: string
const run = (...args: string[]) =>
  tilth(args, { ...database.env, TILTH_EXTERNAL: join(home, 'external.json') })
const products = async () =>
  (await db.selectFrom('product').select(['name', 'processor', 'provenance']).orderBy('name').execute()).map(
    (one) => one,
  )

beforeAll(async () => {
  database = await createTestDatabase()
  db = (await database.open()).db
  await setSetting(db, 'storage.min_free_mb', 0)
  await setSetting(db, 'retry.backoff_s', 0)
  await setSetting(db, 'ingest.copy_quiet_s', 0)
  sen2cor = fakeTool(home, 'sen2cor')
  safe = (
    await simulateL1c({
      ...{ tile: '31TCJ', date: '2025-05-15', pixelSizeM: 600, seed: 3, baseline: '05.11', orbit: 51 },
      ...{ outDir: join(home, 'l1'), withTci: false, cloudCover: 0.2 },
    })
  ).safePath
  mkdirSync(join(home, 'own'))
  const common = {
    threads: 2,
    force: true,
    codec: 'deflate' as const,
    signal: new AbortController().signal,
    onProgress: () => undefined,
  }
  const made = await correctToFolder({
    ...{ ...common, product: safe, out: join(home, 'own'), previous: null, parameters: {}, blockSize: 1024 },
    ...{ scratch: join(home, 'scratch'), archiveLimits: archiveLimits({}), onNote: () => undefined },
  })
  ours = basename(made.folder)
  await exportToFolder({ ...common, product: made.folder, layout: 'sen2cor', out: sen2cor.product })
  writeFileSync(
    join(home, 'external.json'),
    JSON.stringify({ sen2cor: { executable: sen2cor.executable } }),
    { mode: 0o600 },
  )
})
afterAll(() => database.close())

test('chosen by a setting, a step of l2a lets Sen2Cor correct; a failure is tried again; the next processor takes the product', async () => {
  expect((await run('ingest', safe)).exitCode).toBe(0)
  expect((await run('config', 'set', 'processor.l2a.engine', 'sen2cor')).exitCode).toBe(0)
  sen2cor.behave('status')
  await setSetting(db, 'retry.max_failures', 2)
  expect((await run('process', '--acquisition', '1')).stdout).toContain('1 steps')
  await run('up', '--until-idle')
  const failed = await db
    .selectFrom('step')
    .select(['state', 'error_code', 'error_message', 'failures'])
    .executeTakeFirstOrThrow()
  expect(failed).toMatchObject({ state: 'quarantined', error_code: 'EXTERNAL_FAILED', failures: 2 })
  expect(failed.error_message).toContain('cannot parse the metadata')
  expect(await products()).toEqual([])
  sen2cor.behave('good')
  expect((await run('retry', 'step:1')).exitCode).toBe(0)
  expect((await run('up', '--until-idle')).exitCode).toBe(0)
  expect(await products()).toMatchObject([
    {
      ...{ name: `${ours}_SEN2COR`, processor: 'l2a' },
      provenance: {
        parameters: { engine: 'sen2cor' },
        made_by: { name: 'Sen2Cor', version: 'baseline 99.99' },
      },
    },
  ])
  expect((await run('process', '--acquisition', '1')).stderr).toContain('exists with the same parameters')
  expect((await run('process', '--processor', 'ndvi', '--product', `${ours}_SEN2COR`)).stdout).toContain(
    '1 steps',
  )
  expect((await run('up', '--until-idle')).exitCode).toBe(0)
  expect((await products()).map(({ processor }) => processor)).toEqual(['l2a', 'ndvi'])
  expect((await run('db', 'check')).exitCode).toBe(0)
})
