import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { createLocalScheduler } from '../../src/cli/run-scheduler.js'
import { formatStep } from '../../src/cli/format-queue.js'
import { showStep } from '../../src/scheduler/queue-view.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { insertSteps, setSetting, stepOf, STEP_RUNS } from '../support/queue.js'

let database: TestDatabase
let app: App
const quiet = { info: () => undefined, warn: () => undefined }

beforeAll(async () => {
  process.env['TILTH_TEST_PROCESSOR'] = STEP_RUNS
  database = await createTestDatabase()
  app = await database.open()
})
afterAll(() => database.close())
beforeEach(async () => {
  await app.db.deleteFrom('product').execute()
  await app.db.deleteFrom('job').execute()
  await app.db.deleteFrom('setting').execute()
  await setSetting(app.db, 'retry.backoff_s', 0)
  await setSetting(app.db, 'retry.max_failures', 1)
  await setSetting(app.db, 'executor.cpu_slots', 4)
  await setSetting(app.db, 'executor.grace_s', 2)
  await setSetting(app.db, 'processor.l2a.max_parallelism', 2)
  await setSetting(app.db, 'storage.min_free_mb', 0)
})

const run = () => createLocalScheduler(app, quiet).run({ untilIdle: true })
const resourcesOf = (step: { resources: unknown }) => step.resources as Record<string, number>
const events = (id: number) =>
  app.db
    .selectFrom('step_event')
    .select(['kind', 'attempt', 'detail'])
    .where('step_id', '=', id)
    .orderBy('id')
    .execute()

test('time: a step that listens ends by itself, one that does not is killed after the grace time; both are TIME_LIMIT', async () => {
  await setSetting(app.db, 'limits.time_s', 4)
  const { stepIds } = await insertSteps(app.db, [
    { act: 'wait', release: join(app.config.home, 'never') },
    { act: 'spin' },
  ])
  await run()
  const [listens, spins] = [await stepOf(app.db, stepIds[0]!), await stepOf(app.db, stepIds[1]!)]
  for (const step of [listens, spins])
    expect(step).toMatchObject({
      state: 'quarantined',
      error_code: 'TIME_LIMIT',
      error_class: 'resource',
      pid: null,
    })
  expect(listens.error_message).toMatch(/^Step \d+ runs for \d+ s, 4 are allowed \(limits\.time_s\)\.$/)
  expect(spins.error_message).toMatch(/ended by signal SIGKILL after .* s: it runs for/)
  expect(resourcesOf(spins)['cpu_s']).toBeGreaterThan(0.5)
})

test('disk: a step that writes far more than it declared is DISK_LIMIT, and its files are gone', async () => {
  await setSetting(app.db, 'limits.disk_factor', 2)
  const { stepIds } = await insertSteps(app.db, [{ act: 'fill-disk' }], { scratchMb: 5 })
  await run()
  const step = await stepOf(app.db, stepIds[0]!)
  expect(step).toMatchObject({ state: 'quarantined', error_code: 'DISK_LIMIT' })
  expect(step.error_message).toMatch(/take \d+ MiB, 10 are allowed/)
  expect(resourcesOf(step)['disk_mb']).toBeGreaterThan(10)
  expect(() => readFileSync(join(app.config.roots.scratch, `step-${step.id}-1`, 'part-0'))).toThrow('ENOENT')
})

test('log: a long log is cut with a notice and the step goes on; a flood ends it as LOG_LIMIT', async () => {
  await setSetting(app.db, 'limits.log_mb', 1)
  await setSetting(app.db, 'limits.log_flood_mb', 4)
  const { stepIds } = await insertSteps(app.db, [
    { act: 'chatter', kib: 2048 },
    { act: 'chatter', kib: 500_000 },
  ])
  await run()
  expect(await stepOf(app.db, stepIds[0]!)).toMatchObject({ state: 'succeeded' })
  const log = readFileSync(join(app.config.home, 'logs', `step-${stepIds[0]!}-1.log`), 'utf8')
  expect(log.length).toBeLessThan(1.2 * 2 ** 20)
  expect(log).toContain('the log is cut here: more than limits.log_mb was written')
  const flood = await stepOf(app.db, stepIds[1]!)
  expect(flood).toMatchObject({ state: 'quarantined', error_code: 'LOG_LIMIT' })
  expect(readFileSync(join(app.config.home, 'logs', `step-${flood.id}-1.log`)).length).toBeLessThan(
    2 * 2 ** 20,
  )
})

describe('memory', () => {
  beforeEach(async () => {
    await setSetting(app.db, 'limits.memory_min_mb', 0)
    await setSetting(app.db, 'limits.memory_factor', 1)
    await setSetting(app.db, 'resources.learn', false)
  })

  test('a step over its limit is MEMORY_LIMIT; it comes back with half as much again and then succeeds', async () => {
    await setSetting(app.db, 'retry.max_failures', 5)
    const { stepIds } = await insertSteps(app.db, [{ act: 'hoard', mb: 300 }], { memoryMb: 360 })
    await run()
    const step = await stepOf(app.db, stepIds[0]!)
    expect(step).toMatchObject({ state: 'succeeded', attempt: 2, failures: 1, memory_floor_mb: 540 })
    const failed = (await events(step.id)).find(({ kind }) => kind === 'failed')!.detail
    expect(failed).toMatchObject({
      code: 'MEMORY_LIMIT',
      next: 'ready',
      memory_floor_mb: 540,
      block_shrink: 0,
    })
    expect((failed as { resources: { max_rss_kb: number } }).resources.max_rss_kb).toBeGreaterThan(360 * 1024)
    expect(step.granted).toMatchObject({
      memory_mb: 540,
      memory_from: 'raised after memory had run out; declared',
    })
    expect(resourcesOf(step)['max_rss_kb']).toBeGreaterThan(300 * 1024)
  })

  test('one that had all the memory there is comes back with smaller blocks', async () => {
    await setSetting(app.db, 'retry.max_failures', 5)
    await setSetting(app.db, 'executor.memory_mb', 400)
    const { stepIds } = await insertSteps(app.db, [{ act: 'hoard', mb: 480 }], { memoryMb: 400 })
    await run()
    const step = await stepOf(app.db, stepIds[0]!)
    expect(step).toMatchObject({ state: 'succeeded', attempt: 2, block_shrink: 1, memory_floor_mb: 400 })
  })

  test('one that needs more in any case is quarantined, and what was tried is said', async () => {
    await setSetting(app.db, 'retry.max_failures', 9)
    await setSetting(app.db, 'executor.memory_mb', 256)
    const { stepIds } = await insertSteps(app.db, [{ act: 'hoard', mb: 4000 }], { memoryMb: 250 })
    await run()
    const step = await stepOf(app.db, stepIds[0]!)
    // 250, then all 256, then blocks halved, then halved again.
    expect(step).toMatchObject({ state: 'quarantined', attempt: 4, failures: 4, error_code: 'MEMORY_LIMIT' })
    expect(step.error_message).toContain("256 of the executor's 256 MiB and blocks halved twice")
  })

  test('the memory of child processes counts', async () => {
    await setSetting(app.db, 'limits.memory_factor', 0)
    const { stepIds } = await insertSteps(app.db, [{ act: 'children' }, { act: 'publish' }], {
      memoryMb: 200,
    })
    await run()
    const [parent, alone] = [await stepOf(app.db, stepIds[0]!), await stepOf(app.db, stepIds[1]!)]
    expect(parent.state).toBe('succeeded')
    expect(resourcesOf(parent)['max_rss_kb']! - resourcesOf(alone)['max_rss_kb']!).toBeGreaterThan(200 * 1024)
    expect(resourcesOf(parent)['cpu_s']).toBeGreaterThan(0)
  })
})

test('what recent steps of the same size have used is what the next one is admitted with, and `tilth show` says so', async () => {
  await setSetting(app.db, 'resources.min_samples', 3)
  await setSetting(app.db, 'resources.memory_floor_mb', 16)
  const sizeClass = '13 bands, 2^20 pixels'
  const publish = { act: 'publish' }
  await insertSteps(app.db, [publish, publish, publish], { memoryMb: 3000, sizeClass })
  await run()
  const used = (await app.db.selectFrom('step').select('resources').execute())
    .map((step) => resourcesOf(step)['max_rss_kb']!)
    .sort((a, b) => a - b)
  const expected = Math.ceil((used[2]! / 1024) * 1.25)
  const next = async (options: object) => {
    const { stepIds } = await insertSteps(app.db, [publish], { memoryMb: 3000, ...options })
    await run()
    return stepOf(app.db, stepIds[0]!)
  }
  const learned = await next({ sizeClass })
  expect(learned.granted).toMatchObject({ memory_mb: expected })
  const page = formatStep(
    await showStep(app.db, learned.id, { node: app.config.node, proveRoots: () => Promise.resolve({}) }),
  )
  expect(page).toMatch(
    /memory +\d+ MiB admitted \(learned: 95 % of the last 3 such steps used up to \d+ MiB; 3000 MiB declared\)/,
  )
  expect(page).toMatch(/\n {2}resources\.quantile +0\.95 +1 +default\n/)
  // Another size, or learning switched off: what was declared.
  expect((await next({ sizeClass: '13 bands, 2^29 pixels' })).granted).toMatchObject({ memory_mb: 3000 })
  await setSetting(app.db, 'resources.learn', false)
  expect((await next({ sizeClass })).granted).toMatchObject({ memory_mb: 3000, memory_from: 'declared' })
  await setSetting(app.db, 'processor.l2a.memory_mb', 700)
  expect((await next({ sizeClass })).granted).toMatchObject({ memory_mb: 700, memory_from: 'set' })
})
