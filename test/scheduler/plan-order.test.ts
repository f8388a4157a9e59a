import { afterAll, beforeAll, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { addSite } from '../../src/catalog/sites.js'
import { completeStep } from '../../src/db/steps/complete-step.js'
import { l2a } from '../../src/processors/l2a/definition.js'
import { ndvi } from '../../src/processors/ndvi/definition.js'
import { createL2aJob } from '../../src/scheduler/create-l2a-job.js'
import { readExpectedCosts } from '../../src/scheduler/plan/expected-cost.js'
import { readPlan } from '../../src/scheduler/plan/read-plan.js'
import { tilth } from '../support/cli.js'
import { claimStep, productRow } from '../support/consumers.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { insertSteps, setSetting, stepOf } from '../support/queue.js'

let database: TestDatabase
let app: App
let north: number
let fields: number
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
  const ring = [
    [1.4, 43.5],
    [1.5, 43.5],
    [1.5, 43.6],
    [1.4, 43.5],
  ] as const
  const area = { type: 'Polygon', coordinates: [ring] } as const
  fields = (await addSite(app.db, { name: 'Fields', area })).id
  north = (await addSite(app.db, { name: 'North', area })).id
  await setSetting(app.db, 'executor.cpu_slots', 1)
})
afterAll(() => database.close())

/** Steps that have succeeded: one for each number of CPU seconds. */
async function past(
  kind: { processor: string; version: number; sizeClass: string; scratchMb: number },
  cpu: readonly number[],
): Promise<void> {
  const { id, stepIds } = await insertSteps(
    app.db,
    cpu.map(() => ({})),
    kind,
  )
  await app.db
    .updateTable('job')
    .set({ params: JSON.stringify({ version: kind.version }) })
    .where('id', '=', id)
    .execute()
  for (const [i, stepId] of stepIds.entries()) await succeed([stepId], cpu[i] ?? NaN)
}

const succeed = (stepIds: readonly number[], cpuS: number) =>
  app.db
    .updateTable('step')
    .set({
      state: 'succeeded',
      ended_at: new Date(),
      resources: JSON.stringify({ cpu_s: cpuS, wall_s: cpuS, max_rss_kb: 1024 }),
    })
    .where('id', 'in', stepIds)
    .execute()

async function acquire(day: number): Promise<number> {
  const { id } = await app.db
    .insertInto('acquisition')
    .values({
      ...{ identity: `test:${day}`, satellite: 's2', platform: 'S2A', tile: '31TCJ' },
      // Each of an orbit of its own: no chain orders them.
      ...{ location: `l1:test${day}`, relative_orbit: day, state: 'present' },
      sensed_at: `2025-05-${String(day).padStart(2, '0')}T10:50:31Z`,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  return id
}

const plan = (priority?: number) =>
  readPlan(
    app.db,
    { site: 'fields' },
    { node: app.config.host, ...(priority === undefined ? {} : { priority }) },
  )

test('a step costs what past ones of its own processor did, of its version and size as far as there are any', async () => {
  const big = { processor: 'l2a', sizeClass: 'big', scratchMb: 100 }
  await past({ ...big, version: l2a.version }, [10, 30, 20])
  await past({ ...big, version: l2a.version - 1 }, [500, 500, 500, 500])
  await past({ processor: 'ndvi', version: ndvi.version - 1, sizeClass: 'big', scratchMb: 10 }, [4, 6])
  const kinds = [
    { processor: 'l2a', sizeClass: 'big', diskMb: 100 },
    { processor: 'l2a', sizeClass: 'half as big', diskMb: 50 },
    { processor: 'ndvi', sizeClass: 'big', diskMb: 10 },
    { processor: 'composite', sizeClass: 'big', diskMb: 10 },
  ]
  const costOf = await readExpectedCosts(app.db, kinds)
  expect(kinds.map(costOf)).toEqual([
    { cpuS: 20, from: 'measured over 3', samples: 3 },
    { cpuS: 10, from: 'measured over 3 of other sizes', samples: 3 },
    { cpuS: 5, from: 'measured over 2 of other versions', samples: 2 },
    { cpuS: 60, from: 'assumed', samples: 0 },
  ])
})

test('steps start in the order of the scheduler among those of another site and processor, each at its own cost', async () => {
  await acquire(1)
  await acquire(2)
  await succeed((await createL2aJob(app.db, { site: 'fields', createdBy: 'test' })).stepIds, 100)
  await past({ processor: 'ndvi', version: ndvi.version, sizeClass: 'k', scratchMb: 10 }, [10, 10])
  const { stepIds } = await insertSteps(app.db, [{}, {}, {}, {}], {
    ...{ processor: 'ndvi', sizeClass: 'k', siteId: north },
  })
  const starts = async (priority?: number) => (await plan(priority)).rows.map(({ startS }) => startS)
  // North 10 s; Fields 100 s, of which North gets three times 10 s back before Fields comes again.
  expect(await starts()).toEqual([10, 140])
  expect(await plan()).toMatchObject({ queued: 4, cpuS: 200, endS: 240, aloneS: 200 })
  // By priority all of the one before all of the other, either way.
  expect(await starts(99)).toEqual([0, 100])
  expect(await starts(110)).toEqual([40, 140])
  // Ten times the share: 100 s count as 10 s.
  await setSetting(app.db, 'fair.weight', 10, fields)
  expect(await starts()).toEqual([10, 120])
  await app.db.deleteFrom('setting').where('key', '=', 'fair.weight').execute()
  await app.db
    .updateTable('step')
    .set({ state: 'cancelled', ended_at: new Date() })
    .where('id', 'in', stepIds)
    .execute()
})

test('what another site has made or is making is no work of this one, and is told with its step and its end', async () => {
  const [made, making] = [await acquire(3), await acquire(4)]
  const ofNorth = await createL2aJob(app.db, { site: 'north', from: '2025-05-03', createdBy: 'test' })
  const [first = NaN, second = NaN] = ofNorth.stepIds
  const { parameters } = (await stepOf(app.db, first)).params as { parameters: Record<string, unknown> }
  await completeStep(
    app.db,
    await claimStep(app.db, first),
    [
      productRow('S2A_L2A_31TCJ_20250503T105031_R003', {
        ...{
          processor: 'l2a',
          processorVersion: l2a.version,
          acquisitionId: made,
          provenance: { parameters },
        },
      }),
    ],
    {},
  )
  const found = await plan()
  expect(found.rows).toHaveLength(2)
  expect(found.skipped).toMatchObject([
    { acquisitionId: made, step: null, site: 'north' },
    { acquisitionId: making, step: second, site: 'north' },
  ])
  expect(found.underWay).toMatchObject([
    { step: second, site: 'north', tile: '31TCJ', state: 'ready', startS: 0, endS: 100 },
  ])
  // It runs on another node by now: nobody here knows when it ends, and it takes no slot of this host.
  await claimStep(app.db, second)
  const later = await plan()
  expect(later.underWay).toMatchObject([{ step: second, state: 'running', node: 'here', endS: null }])
  expect(later).toMatchObject({ queued: 0, endS: 200 })
  const { stdout } = await tilth(['plan', 'fields'], database.env)
  expect(stdout).toMatch(new RegExp(`${second} +north +31TCJ +running +here +step ${second} does it already`))
  expect(stdout).toContain('2 acquisitions need none, of them made elsewhere: 2 for site north')
  expect(stdout).toMatch(/measured over 2/)
})
