import { afterAll, beforeAll, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { addSite } from '../../src/catalog/sites.js'
import { claimReadySteps } from '../../src/db/steps/claim-ready-steps.js'
import { createNdviJob } from '../../src/scheduler/consumers/create-ndvi-job.js'
import { createL2aJob } from '../../src/scheduler/create-l2a-job.js'
import { readPlan } from '../../src/scheduler/plan/read-plan.js'
import { tilth } from '../support/cli.js'
import { publishProduct } from '../support/consumers.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { insertSteps, setSetting } from '../support/queue.js'

let database: TestDatabase
let app: App
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
  const ring = [
    [1.4, 43.5],
    [1.5, 43.5],
    [1.5, 43.6],
    [1.4, 43.5],
  ] as const
  await addSite(app.db, { name: 'Fields', area: { type: 'Polygon', coordinates: [ring] } })
  await setSetting(app.db, 'executor.cpu_slots', 2)
  await setSetting(app.db, 'processor.l2a.tile_threads_hint', 1)
})
afterAll(() => database.close())

async function acquire(day: number): Promise<number> {
  const { id } = await app.db
    .insertInto('acquisition')
    .values({
      ...{
        identity: `test:${day}`,
        satellite: 's2',
        platform: 'S2A',
        tile: '31TCJ',
        location: `l1:test${day}`,
      },
      sensed_at: `2025-05-${String(day).padStart(2, '0')}T10:50:31Z`,
      state: 'present',
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  return id
}
const plan = () => readPlan(app.db, { site: 'fields' }, { node: app.config.host })

test('before anything has run times are assumed, disk is declared, and both are said', async () => {
  const ids = [await acquire(1), await acquire(2), await acquire(3)]
  const found = await plan()
  expect(found.rows.map(({ acquisitionId }) => acquisitionId)).toEqual(ids)
  // Dates of one chain, each of 60 CPU seconds on both slots.
  expect(found).toMatchObject({ endS: 90, aloneS: 90, cpuS: 180, queued: 0, underWay: [] })
  for (const row of found.rows)
    expect(row).toMatchObject({
      site: 'fields',
      cpuFrom: 'assumed',
      memoryFrom: 'declared',
      bytesFrom: 'declared',
    })
  expect(await app.db.selectFrom('job').select('id').execute()).toEqual([])
  const { stdout } = await tilth(['plan', 'fields'], database.env)
  expect(stdout).toMatch(/3 steps to run among 0 in the queue/)
  expect(stdout).toMatch(/3 of the times are assumed, 1 min 00 s of CPU each/)
})

test('afterwards it plays the queue through with what steps have cost, and what is queued comes first', async () => {
  const { stepIds } = await createL2aJob(app.db, { site: 'fields', createdBy: 'test' })
  await app.db
    .updateTable('step')
    .set({ state: 'succeeded', ended_at: new Date(), resources: JSON.stringify({ cpu_s: 30 }) })
    .where('id', 'in', stepIds)
    .execute()
  await acquire(4)
  await createL2aJob(app.db, { site: 'fields', from: '2025-05-04', createdBy: 'test' })
  await acquire(5)
  const found = await plan()
  // Those of the succeeded steps have no product row here, so they would run again: behind the one that is queued.
  expect(found.rows).toHaveLength(4)
  expect(found).toMatchObject({ queued: 1, cpuS: 120, aloneS: 60 })
  expect(found.skipped).toMatchObject([
    { reason: expect.stringMatching(/^step \d+ does it already$/) as string },
  ])
  // Five steps of 30 CPU seconds on two slots.
  expect(found.endS).toBeCloseTo(75, 6)
  expect(found.rows[0]).toMatchObject({ startS: 0, endS: 30, threads: 1, cpuFrom: 'measured over 3' })
  expect(found.underWay).toMatchObject([{ site: 'fields', state: 'ready', startS: 0, endS: 30 }])
  const json = JSON.parse((await tilth(['plan', 'fields', '--json'], database.env)).stdout) as unknown
  expect(json).toMatchObject({ rows: [{ cpuFrom: 'measured over 3' }, {}, {}, {}] })
})

test('NDVI and composites are planned from the L2A that there is, with what such steps have cost', async () => {
  await publishProduct(app.db, 'S2A_L2A_31TCJ_20250601T105031_R051')
  await publishProduct(app.db, 'S2A_L2A_31TCJ_20250611T105031_R051')
  const ask = (processor: 'ndvi' | 'composite') =>
    readPlan(app.db, { site: 'fields', days: ['2025-06-10'] }, { node: app.config.host, processor })
  expect((await ask('composite')).rows.map(({ name }) => name)).toEqual(['S2_L3A_31TCJ_20250610T120000_H025'])
  const before = await ask('ndvi')
  expect(before.rows.map(({ name }) => name.split('_')[1])).toEqual(['L3B', 'L3B'])
  expect(before.rows.map(({ cpuFrom }) => cpuFrom)).toEqual(['assumed', 'assumed'])
  const { stepIds } = await createNdviJob(app.db, { site: 'fields', createdBy: 'test' })
  await app.db
    .updateTable('step')
    .set({ state: 'succeeded', ended_at: new Date(), resources: JSON.stringify({ cpu_s: 8 }) })
    .where('id', 'in', stepIds)
    .execute()
  const after = await ask('ndvi')
  expect(after.rows.map(({ cpuS, cpuFrom }) => [cpuS, cpuFrom])).toEqual([
    [8, 'measured over 2'],
    [8, 'measured over 2'],
  ])
  const { stdout } = await tilth(['plan', 'fields', '--processor', 'ndvi'], database.env)
  expect(stdout).toMatch(/2 steps to run among \d+ in the queue; 0 products need none/)
  const refused = await tilth(['plan', 'fields', '--processor', 'composite'], database.env)
  expect(refused.stderr).toContain('around which days')
})

test('what runs under the node name of TILTH_NODE is in its queue, what runs elsewhere is not', async () => {
  const [id = NaN] = (await insertSteps(app.db, [{}])).stepIds
  await claimReadySteps(app.db, {
    ...{ executor: 'local', node: 'north', pid: process.pid, leaseSeconds: 60 },
    grants: [{ id, threads: 1, settingsId: 0 }],
  })
  const queued = async (env: Record<string, string> = {}) => {
    const { stdout } = await tilth(['plan', 'fields', '--json'], { ...database.env, ...env })
    return (JSON.parse(stdout) as { queued: number }).queued
  }
  expect(await queued({ TILTH_NODE: 'north' })).toBe((await queued()) + 1)
})

test('an unknown site is NOT_FOUND', async () => {
  await expect(readPlan(app.db, { site: 'nowhere' }, { node: 'x' })).rejects.toMatchObject({
    code: 'NOT_FOUND',
  })
})
