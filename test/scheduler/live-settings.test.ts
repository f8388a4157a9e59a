import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { addSite, parseArea } from '../../src/catalog/sites.js'
import { createLocalScheduler } from '../../src/cli/run-scheduler.js'
import type { SchedulerLog } from '../../src/scheduler/scheduler.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { eventually, insertSteps, setSetting, STEP_RUNS } from '../support/queue.js'

const PARALLEL = 'processor.l2a.max_parallelism'
const quiet: SchedulerLog = { info: () => undefined, warn: () => undefined }
let database: TestDatabase
let app: App
const sites: Record<string, number> = {}

beforeAll(async () => {
  process.env['TILTH_TEST_PROCESSOR'] = STEP_RUNS
  database = await createTestDatabase()
  app = await database.open()
  const area = parseArea(
    '{"type":"Polygon","coordinates":[[[1.4,43.5],[1.5,43.5],[1.5,43.6],[1.4,43.6],[1.4,43.5]]]}',
  )
  await addSite(app.db, { name: 'region', area })
  await addSite(app.db, { name: 'east', area, parent: 'region' })
  await addSite(app.db, { name: 'west', area, parent: 'region' })
  await addSite(app.db, { name: 'other', area })
  for (const { slug, id } of await app.db.selectFrom('site').select(['slug', 'id']).execute())
    sites[slug] = id
})
afterAll(() => database.close())
beforeEach(async () => {
  await app.db.deleteFrom('product').execute()
  await app.db.deleteFrom('job').execute()
  await app.db.deleteFrom('setting').execute()
  await setSetting(app.db, 'executor.cpu_slots', 4)
  await setSetting(app.db, 'processor.l2a.tile_threads_hint', 1)
  await setSetting(app.db, 'storage.min_free_mb', 0)
})

const running = () =>
  app.db
    .selectFrom('step')
    .select(['id', 'threads', 'attempt'])
    .where('state', '=', 'running')
    .orderBy('id')
    .execute()
const isRunning = (n: number) => async () => (await running()).length === n

/** The most steps that ran at once, from the history of claims and ends, of those that `of` names. */
async function mostAtOnce(of: (siteId: number | null) => boolean): Promise<number> {
  const events = await app.db
    .selectFrom('step_event')
    .innerJoin('step', 'step.id', 'step_event.step_id')
    .select(['kind', 'site_id', 'step_event.id'])
    .where('kind', 'in', ['claimed', 'succeeded', 'failed', 'cancelled', 'released'])
    .orderBy('step_event.at')
    .orderBy('step_event.id')
    .execute()
  let now = 0
  let most = 0
  for (const { kind } of events.filter((event) => of(event.site_id))) {
    now += kind === 'claimed' ? 1 : -1
    most = Math.max(most, now)
  }
  expect(now).toBe(0)
  return most
}

test('a raised max_parallelism is seen in what runs within 2 s; a lowered one starts nothing above it and lets running steps end', async () => {
  await setSetting(app.db, PARALLEL, 1)
  const release = ['first', 'second', 'third'].map((name) => join(app.config.home, `release-${name}`))
  const { stepIds } = await insertSteps(app.db, [
    { act: 'wait', release: release[0] },
    { act: 'wait', release: release[1] },
    { act: 'wait', release: release[2] },
    { act: 'publish' },
    { act: 'publish' },
  ])
  const done = createLocalScheduler(app, quiet).run({ untilIdle: true })
  await eventually(isRunning(1), 'one step runs')

  const raisedAt = performance.now()
  await setSetting(app.db, PARALLEL, 3)
  await eventually(isRunning(3), 'three steps run')
  expect(performance.now() - raisedAt).toBeLessThan(2000)

  await setSetting(app.db, PARALLEL, 1)
  writeFileSync(release[0]!, '')
  await eventually(isRunning(2), 'the first step has ended')
  // Longer than two rounds of the scheduler: nothing takes its place.
  for (let i = 0; i < 25; i++) {
    expect((await running()).map(({ id }) => id)).toEqual(stepIds.slice(1, 3))
    await wait(100)
  }
  writeFileSync(release[1]!, '')
  await eventually(isRunning(1), 'the second step has ended')
  await wait(500)
  expect((await running()).map(({ id }) => id)).toEqual([stepIds[2]])
  writeFileSync(release[2]!, '')
  await done
  const steps = await app.db.selectFrom('step').select(['state', 'attempt']).execute()
  expect(steps).toEqual(stepIds.map(() => ({ state: 'succeeded', attempt: 1 })))
  expect(await mostAtOnce(() => true)).toBe(3)
})

test('fewer cpu_slots shrink the budgets of what runs within 2 s and end nothing; threads that become free are given on', async () => {
  await setSetting(app.db, 'processor.l2a.tile_threads_hint', 2)
  const release = ['a', 'b'].map((name) => join(app.config.home, `release-slots-${name}`))
  await insertSteps(app.db, [
    { act: 'wait', release: release[0] },
    { act: 'wait', release: release[1] },
  ])
  const done = createLocalScheduler(app, quiet).run({ untilIdle: true })
  const threads = async () => (await running()).map((step) => step.threads)
  await eventually(async () => (await threads()).join() === '2,2', 'two threads each')
  const loweredAt = performance.now()
  await setSetting(app.db, 'executor.cpu_slots', 2)
  await eventually(async () => (await threads()).join() === '1,1', 'one thread each')
  expect(performance.now() - loweredAt).toBeLessThan(2000)
  await setSetting(app.db, 'executor.cpu_slots', 1)
  await wait(500)
  expect(await threads()).toEqual([1, 1])
  await setSetting(app.db, 'executor.cpu_slots', 6)
  await eventually(async () => (await threads()).join() === '3,3', 'three threads each')
  writeFileSync(release[0]!, '')
  await eventually(async () => (await threads()).join() === '6', 'the last one has all')
  writeFileSync(release[1]!, '')
  await done
  const attempts = await app.db.selectFrom('step').select('attempt').execute()
  expect(attempts.map(({ attempt }) => attempt)).toEqual([1, 1])
})

test('caps hold over two schedulers on two nodes: the global row bounds the sum, the site row its share, the row of a parent its sub-sites', async () => {
  await setSetting(app.db, PARALLEL, 5)
  await setSetting(app.db, PARALLEL, 3, sites['region'])
  await setSetting(app.db, PARALLEL, 2, sites['east'])
  const work = { act: 'publish', delay_ms: 400 }
  for (const site of ['east', 'west', 'region', 'other'])
    await insertSteps(app.db, [work, work, work, work], { siteId: sites[site]! })
  const onNode = (node: string) =>
    createLocalScheduler({ ...app, config: { ...app.config, node } }, quiet).run({ untilIdle: true })
  await Promise.all([onNode('node-a'), onNode('node-b')])
  const steps = await app.db.selectFrom('step').select(['state', 'node']).execute()
  expect(steps.every(({ state }) => state === 'succeeded')).toBe(true)
  expect([...new Set(steps.map(({ node }) => node))].sort()).toEqual(['node-a', 'node-b'])
  const below = (...slugs: string[]) => {
    const ids = slugs.map((slug) => sites[slug])
    return (siteId: number | null) => siteId !== null && ids.includes(siteId)
  }
  // Reached, and never passed.
  expect({
    all: await mostAtOnce(() => true),
    region: await mostAtOnce(below('region', 'east', 'west')),
    east: await mostAtOnce(below('east')),
  }).toEqual({ all: 5, region: 3, east: 2 })
})
