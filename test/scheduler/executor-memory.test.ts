import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { claimReadySteps } from '../../src/db/steps/claim-ready-steps.js'
import { listReadySteps } from '../../src/db/steps/list-ready-steps.js'
import { executorMemoryMb } from '../../src/scheduler/executor-memory.js'
import { Granter } from '../../src/scheduler/granter.js'
import { readSettings } from '../../src/scheduler/settings-in-force.js'
import { recordFailure } from '../../src/scheduler/step-store.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { insertSteps, setSetting, stepOf } from '../support/queue.js'

let database: TestDatabase
let app: App
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
})
afterAll(() => database.close())
beforeEach(async () => {
  for (const table of ['job', 'setting', 'node'] as const) await app.db.deleteFrom(table).execute()
  await setSetting(app.db, 'executor.memory_mb', 1000)
  await setSetting(app.db, 'slurm.memory_extra_mb', 256)
  await setSetting(app.db, 'retry.max_failures', 9)
})

const node = (name: string, executor: string, slots: number, memory_mb: number) =>
  app.db
    .insertInto('node')
    .values({ name, executor, host: 'head', slots, memory_mb, program: '1', schema: '1', heartbeat_s: 5 })
    .execute()
const memoryOf = async (executor: string) => executorMemoryMb(app.db, await readSettings(app.db), executor)

test('a host has executor.memory_mb; a cluster has its largest node, else the ceiling, else nobody knows', async () => {
  expect([await memoryOf('local'), await memoryOf('slurm')]).toEqual([1000, Infinity])
  await setSetting(app.db, 'resources.memory_ceiling_mb', 5000)
  expect([await memoryOf('local'), await memoryOf('slurm')]).toEqual([1000, 5000])
  // A machine may have more than Slurm hands out: only what the submitting scheduler tells counts.
  await node('n1', 'slurm', 8, 9000)
  await node('head', 'local', 8, 20_000)
  expect(await memoryOf('slurm')).toBe(5000)
  await node('head:slurm', 'slurm', 0, 8192)
  expect([await memoryOf('local'), await memoryOf('slurm')]).toEqual([1000, 8192 - 256])
})

async function failed(executor: 'local' | 'slurm', memoryMb: number): Promise<{ memory_floor_mb: number }> {
  await setSetting(app.db, 'executor.kind', executor)
  const [id = NaN] = (await insertSteps(app.db, [{}], { memoryMb })).stepIds
  const [claim] = await claimReadySteps(app.db, {
    ...{ executor, node: 'n1', pid: 1, leaseSeconds: 60 },
    grants: [{ id, threads: 1, settingsId: 0 }],
  })
  const failure = { code: 'OUT_OF_MEMORY', message: 'killed', lastLines: [] }
  expect(await recordFailure(app.db, claim ?? { id, attempt: 0 }, failure, {})).toBe(true)
  return stepOf(app.db, id)
}

test('a step whose memory ran out is given more than the host of whoever records it has only in a cluster', async () => {
  expect(await failed('local', 900)).toMatchObject({ memory_floor_mb: 1000, block_shrink: 0 })
  expect(await failed('slurm', 900)).toMatchObject({ memory_floor_mb: 1350, block_shrink: 0 })
  await node('head:slurm', 'slurm', 0, 1280)
  expect(await failed('slurm', 900)).toMatchObject({ memory_floor_mb: 1024, block_shrink: 0 })
  expect(await failed('slurm', 1024)).toMatchObject({ memory_floor_mb: 1024, block_shrink: 1 })
})

test('learning goes as far as a step can have where it runs', async () => {
  const sizeClass = '13 bands, 2^20 pixels'
  const { stepIds } = await insertSteps(app.db, [{}, {}], { sizeClass })
  await app.db
    .updateTable('step')
    .set({
      ...{ state: 'succeeded', ended_at: new Date() },
      resources: JSON.stringify({ max_rss_kb: 2000 * 1024, wall_s: 1, cpu_s: 1 }),
    })
    .where('id', '=', stepIds[0] ?? NaN)
    .execute()
  await setSetting(app.db, 'resources.min_samples', 1)
  await setSetting(app.db, 'resources.margin', 1)
  const settings = await readSettings(app.db)
  const ready = await listReadySteps(app.db, { executor: 'local', limit: 10 })
  const granted = async (executor: string) =>
    [...(await new Granter().grant(app.db, ready, settings, executor)).values()].map((g) => g.memory_mb)
  expect(await granted('local')).toEqual([1000])
  expect(await granted('slurm')).toEqual([2000])
})
