import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { ingestPaths, listAcquisitions } from '../../src/catalog/ingest.js'
import { createL2aJob } from '../../src/scheduler/create-l2a-job.js'
import { simulateL1c, type SimulatedProduct } from '../../src/simulator/simulate-l1c.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'

const folder = mkdtempSync(join(tmpdir(), 'tilth baselines-'))
let database: TestDatabase
let app: App
let older: SimulatedProduct
let newer: SimulatedProduct
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
  const common = {
    tile: '31TCJ',
    date: '2025-05-10',
    pixelSizeM: 600,
    seed: 5,
    noiseDn: 0,
    platform: 'S2A' as const,
  }
  older = await simulateL1c({ ...common, outDir: folder, baseline: '04.00' })
  newer = await simulateL1c({ ...common, outDir: folder, baseline: '05.11' })
})
afterAll(async () => {
  await database.close()
  rmSync(folder, { recursive: true, force: true })
})

const states = async () =>
  (await listAcquisitions(app.db, { state: null, tile: null }))
    .map(({ baseline, state, reason }) => ({ baseline, state, reason }))
    .sort((a, b) => String(a.baseline).localeCompare(String(b.baseline)))

test.each([
  ['older first', ['older', 'newer']],
  ['newer first', ['newer', 'older']],
])(
  'of two baselines of one datatake and tile the newer is present and is what a job takes: %s',
  async (_, order) => {
    await app.db.deleteFrom('job').execute()
    await app.db.deleteFrom('acquisition').execute()
    for (const name of order)
      await ingestPaths(app, [(name === 'older' ? older : newer).safePath], { copy: false })
    expect(await states()).toEqual([
      {
        baseline: '04.00',
        state: 'superseded',
        reason: expect.stringMatching(/^superseded by S2_L1C:S2A:31TCJ:.*:N05\.11:G\d{8}T\d{6}$/) as string,
      },
      { baseline: '05.11', state: 'present', reason: null },
    ])
    const rows = await listAcquisitions(app.db, { state: null, tile: null })
    const planned = await createL2aJob(app.db, {
      acquisitionIds: rows.map(({ id }) => id),
      createdBy: 'test',
    })
    const inputs = await app.db
      .selectFrom('step')
      .select('params')
      .where('job_id', '=', planned.jobId)
      .execute()
    expect(inputs.map(({ params }) => (params as { acquisition_id: number }).acquisition_id)).toEqual([
      rows.find(({ baseline }) => baseline === '05.11')?.id,
    ])
  },
)

test('read again, the older baseline stays superseded', async () => {
  const [outcome] = await ingestPaths(app, [older.safePath], { copy: false })
  expect(outcome).toMatchObject({ kind: 'present', isNew: false, state: 'superseded' })
})
