import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { createLocalScheduler } from '../../src/cli/run-scheduler.js'
import { listSteps } from '../../src/db/jobs/list-steps.js'
import { cancel } from '../../src/scheduler/queue-view.js'
import type { Scheduler, SchedulerLog } from '../../src/scheduler/scheduler.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { eventually, insertSteps, setSetting, stepOf, STEP_RUNS } from '../support/queue.js'

let database: TestDatabase
let app: App
let lines: string[]
const log: SchedulerLog = { info: (m) => lines.push(`info ${m}`), warn: (m) => lines.push(`warn ${m}`) }

beforeAll(async () => {
  process.env['TILTH_TEST_PROCESSOR'] = STEP_RUNS
  database = await createTestDatabase()
  app = await database.open()
})
afterAll(() => database.close())
beforeEach(async () => {
  lines = []
  await app.db.deleteFrom('product').execute()
  await app.db.deleteFrom('job').execute()
  await app.db.deleteFrom('setting').execute()
  await setSetting(app.db, 'retry.backoff_s', 0)
  await setSetting(app.db, 'executor.cpu_slots', 4)
  await setSetting(app.db, 'processor.l2a.tile_threads_hint', 2)
  await setSetting(app.db, 'storage.min_free_mb', 0)
})

const archive = (location: string) => join(app.config.roots.archive, location.replace(/^archive:/, ''))
const staged = () => readdirSync(join(app.config.roots.archive, '.staging'))
const products = () =>
  app.db.selectFrom('product').select(['name', 'location', 'attempt']).orderBy('name').execute()

/** The step process has written its own pid over that of its claimer. */
const hasBegun = async (id: number) => {
  const { pid } = await stepOf(app.db, id)
  return pid !== null && pid !== process.pid
}

async function untilIdle(): Promise<Scheduler> {
  const scheduler = createLocalScheduler(app, log)
  await scheduler.run({ untilIdle: true })
  return scheduler
}

test('runs all ready steps, publishes their products and ends the job', async () => {
  const { id, stepIds } = await insertSteps(app.db, [
    { act: 'publish' },
    { act: 'publish' },
    { act: 'publish' },
  ])
  await untilIdle()
  const found = await products()
  expect(found).toHaveLength(3)
  for (const { location } of found)
    expect(readFileSync(join(archive(location), 'B02_sre.tif'), 'utf8')).toBe('attempt 1')
  expect(staged()).toEqual([])
  expect(
    (await app.db.selectFrom('job').select('state').where('id', '=', id).executeTakeFirstOrThrow()).state,
  ).toBe('succeeded')
  const step = await stepOf(app.db, stepIds[0]!)
  expect(step).toMatchObject({
    state: 'succeeded',
    attempt: 1,
    failures: 0,
    progress: 1,
    lease_expires_at: null,
  })
  expect((step.resources as { max_rss_kb: number }).max_rss_kb).toBeGreaterThan(10_000)
  const [shown] = await listSteps(app.db, { ids: stepIds, limit: 1 })
  expect((shown!.settings as Record<string, unknown>)['executor.cpu_slots']).toEqual({
    value: 4,
    origin: { kind: 'global' },
  })
  expect((shown!.settings as Record<string, unknown>)['executor.lease_s']).toEqual({
    value: 30,
    origin: { kind: 'default' },
  })
  const told = lines.filter((line) => line.startsWith(`info job ${id} succeeded: wall `))
  expect(told).toEqual([expect.stringMatching(/ s, CPU [\d.]+ s, speed-up [\d.]+ on 4 slots \(efficiency/)])
})

test('a step process killed with -9 is tried again and succeeds; nothing half-written is visible', async () => {
  const { stepIds } = await insertSteps(app.db, [{ act: 'kill-once' }, { act: 'publish' }])
  await untilIdle()
  const step = await stepOf(app.db, stepIds[0]!)
  expect(step).toMatchObject({ state: 'succeeded', attempt: 2, failures: 1, error_code: null })
  const events = await app.db
    .selectFrom('step_event')
    .select(['kind', 'attempt', 'detail'])
    .where('step_id', '=', step.id)
    .orderBy('id')
    .execute()
  expect(events.map(({ kind, attempt }) => `${kind} ${attempt}`)).toEqual([
    'claimed 1',
    'failed 1',
    'claimed 2',
    'succeeded 2',
  ])
  expect(events[1]!.detail).toMatchObject({ code: 'STEP_KILLED', next: 'ready' })
  const [product] = await app.db.selectFrom('product').selectAll().where('step_id', '=', step.id).execute()
  expect(product!.location).toMatch(/r\d+-2$/)
  expect(readFileSync(join(archive(product!.location), 'B02_sre.tif'), 'utf8')).toBe('attempt 2')
  expect(existsSync(archive(product!.location.replace(/-2$/, '-1')))).toBe(false)
  // Its neighbour was not touched.
  expect(await stepOf(app.db, stepIds[1]!)).toMatchObject({ state: 'succeeded', attempt: 1 })
})

test('what a dead attempt left in staging is removed before the scheduler ends', async () => {
  await insertSteps(app.db, [{ act: 'kill-once' }])
  await setSetting(app.db, 'retry.max_failures', 1)
  await untilIdle()
  expect(lines.filter((line) => /removed .*\.staging\/\d+-1,/.test(line))).toHaveLength(1)
  expect(staged()).toEqual([])
})

test('a permanent failure is not tried again; a transient one is, until quarantine', async () => {
  await setSetting(app.db, 'retry.max_failures', 2)
  const { id, stepIds } = await insertSteps(app.db, [
    { act: 'fail' },
    { act: 'fail', code: 'EIO' },
    { act: 'publish' },
  ])
  await untilIdle()
  expect(await stepOf(app.db, stepIds[0]!)).toMatchObject({
    state: 'failed',
    attempt: 1,
    error_code: 'INTERNAL',
  })
  expect(await stepOf(app.db, stepIds[1]!)).toMatchObject({
    state: 'quarantined',
    attempt: 2,
    failures: 2,
    error_code: 'WRITE_FAILED',
  })
  expect(await stepOf(app.db, stepIds[2]!)).toMatchObject({ state: 'succeeded' })
  expect(
    (await app.db.selectFrom('job').select('state').where('id', '=', id).executeTakeFirstOrThrow()).state,
  ).toBe('failed')
})

test('a step that exhausts the heap of V8 is recorded as out of memory', async () => {
  process.env['NODE_OPTIONS'] = '--max-old-space-size=64'
  try {
    await setSetting(app.db, 'retry.max_failures', 1)
    const { stepIds } = await insertSteps(app.db, [{ act: 'exhaust' }])
    await untilIdle()
    const step = await stepOf(app.db, stepIds[0]!)
    expect(step).toMatchObject({ state: 'quarantined', error_code: 'OUT_OF_MEMORY', error_class: 'resource' })
    expect(step.error_message).toContain('out of memory')
  } finally {
    delete process.env['NODE_OPTIONS']
  }
})

test('a raised max_parallelism starts waiting steps at once, and each running step then has fewer threads', async () => {
  await setSetting(app.db, 'processor.l2a.max_parallelism', 1)
  const release = join(app.config.home, 'release-parallel')
  const record = join(app.config.home, 'threads')
  const { stepIds } = await insertSteps(app.db, [
    { act: 'threads', release, record },
    { act: 'wait', release },
    { act: 'wait', release },
  ])
  const scheduler = createLocalScheduler(app, log)
  const done = scheduler.run({ untilIdle: true })
  const running = async () =>
    app.db.selectFrom('step').select(['id', 'threads']).where('state', '=', 'running').orderBy('id').execute()
  await eventually(() => Promise.resolve(existsSync(record)), 'the first step runs')
  // Alone, it has all slots, beyond its hint: nothing that may start waits for them.
  expect(await running()).toEqual([{ id: stepIds[0], threads: 4 }])
  await setSetting(app.db, 'processor.l2a.max_parallelism', 3)
  await eventually(async () => (await running()).length === 3, 'all three run')
  expect((await running()).map(({ threads }) => threads)).toEqual([2, 1, 1])
  await eventually(
    () => Promise.resolve(readFileSync(record, 'utf8') === '4\n2\n'),
    'the first step hears of its smaller budget',
  )
  writeFileSync(release, '')
  await done
  expect(await products()).toHaveLength(3)
})

test('a paused job does not start, and does not keep --until-idle waiting', async () => {
  const { id, stepIds } = await insertSteps(app.db, [{ act: 'publish' }])
  await app.db.updateTable('job').set({ paused: true }).where('id', '=', id).execute()
  await untilIdle()
  expect(await stepOf(app.db, stepIds[0]!)).toMatchObject({ state: 'ready', attempt: 0 })
})

test('drain lets running steps end and starts no other', async () => {
  await setSetting(app.db, 'processor.l2a.max_parallelism', 1)
  const release = join(app.config.home, 'release-drain')
  const { stepIds } = await insertSteps(app.db, [{ act: 'wait', release }, { act: 'publish' }])
  const scheduler = createLocalScheduler(app, log)
  const done = scheduler.run({ untilIdle: true })
  await eventually(async () => (await stepOf(app.db, stepIds[0]!)).progress === 0.5, 'the first step waits')
  scheduler.drain()
  writeFileSync(release, '')
  await done
  expect(await stepOf(app.db, stepIds[0]!)).toMatchObject({ state: 'succeeded', attempt: 1 })
  expect(await stepOf(app.db, stepIds[1]!)).toMatchObject({ state: 'ready', attempt: 0 })
})

test('abort gives running steps back within seconds, even a deaf one, and counts no failure', async () => {
  const { stepIds } = await insertSteps(app.db, [
    { act: 'wait', release: join(app.config.home, 'never') },
    { act: 'deaf' },
  ])
  const scheduler = createLocalScheduler(app, log)
  const done = scheduler.run({ untilIdle: false })
  for (const id of stepIds) await eventually(() => hasBegun(id), `step ${id} runs`)
  const started = performance.now()
  scheduler.abort()
  await done
  expect(performance.now() - started).toBeLessThan(20_000)
  for (const id of stepIds)
    expect(await stepOf(app.db, id)).toMatchObject({ state: 'ready', attempt: 1, failures: 0, pid: null })
})

test('cancel ends a running step as cancelled; one that does not listen is killed after the grace time', async () => {
  await setSetting(app.db, 'executor.grace_s', 1)
  const { id, stepIds } = await insertSteps(app.db, [
    { act: 'wait', release: join(app.config.home, 'never') },
    { act: 'deaf' },
  ])
  const scheduler = createLocalScheduler(app, log)
  const done = scheduler.run({ untilIdle: true })
  for (const step of stepIds) await eventually(() => hasBegun(step), `step ${step} runs`)
  expect(await cancel(app.db, { kind: 'job', id })).toEqual({ cancelled: 0, asked: 2 })
  await done
  for (const step of stepIds)
    expect(await stepOf(app.db, step)).toMatchObject({ state: 'cancelled', failures: 0 })
  expect(
    (await app.db.selectFrom('job').select('state').where('id', '=', id).executeTakeFirstOrThrow()).state,
  ).toBe('cancelled')
})

test('while a root lacks its marker nothing starts: running steps go on, another `up` refuses, and the queue goes on once it is mounted', async () => {
  const release = join(app.config.home, 'release-root')
  const { stepIds } = await insertSteps(app.db, [{ act: 'wait', release }])
  const scheduler = createLocalScheduler(app, log)
  const running = scheduler.run({ untilIdle: false })
  await eventually(async () => (await stepOf(app.db, stepIds[0]!)).progress === 0.5, 'the first step waits')
  const marker = join(app.config.roots.scratch, '.tilth-root')
  const away = join(app.config.home, 'marker')
  renameSync(marker, away)
  let id = 0
  try {
    await eventually(
      () => Promise.resolve(lines.some((line) => line.includes("Root 'scratch' should be"))),
      'the wrong root is named',
    )
    // Only now: a round that was under way would still have started it.
    id = (await insertSteps(app.db, [{ act: 'publish' }])).stepIds[0]!
    await expect(untilIdle()).rejects.toMatchObject({ code: 'ROOT_UNAVAILABLE' })
    writeFileSync(release, '')
    await eventually(async () => (await stepOf(app.db, stepIds[0]!)).state === 'succeeded', 'it goes on')
    expect(await stepOf(app.db, id)).toMatchObject({ state: 'ready', attempt: 0 })
  } finally {
    renameSync(away, marker)
  }
  await eventually(async () => (await stepOf(app.db, id)).state === 'succeeded', 'the second step ran')
  scheduler.drain()
  await running
})
