import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { createLocalScheduler } from '../../src/cli/run-scheduler.js'
import { showStep } from '../../src/scheduler/queue-view.js'
import type { SchedulerLog } from '../../src/scheduler/scheduler.js'
import { tilth } from '../support/cli.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { eventually, insertSteps, setSetting, stepOf, STEP_RUNS } from '../support/queue.js'

let database: TestDatabase
let app: App
let lines: string[]
const log: SchedulerLog = { info: (m) => lines.push(m), warn: (m) => lines.push(m) }

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
  await setSetting(app.db, 'processor.l2a.max_parallelism', 4)
  await setSetting(app.db, 'storage.min_free_mb', 0)
})

const detailOf = (id: number) =>
  showStep(app.db, id, { node: app.config.node, proveRoots: () => Promise.resolve({}) })
const isWaiting = async (id: number) => (await stepOf(app.db, id)).progress === 0.5

test('steps that kill their process each time are quarantined with all evidence, and take no other process along', async () => {
  await setSetting(app.db, 'retry.max_failures', 2)
  const release = join(app.config.home, 'release-poison')
  const { stepIds } = await insertSteps(app.db, [
    { act: 'wait', release },
    { act: 'kill', signal: 'SIGKILL' },
    { act: 'kill', signal: 'SIGSEGV' },
  ])
  const [neighbour, killed, crashed] = stepIds as [number, number, number]
  const done = createLocalScheduler(app, log).run({ untilIdle: true })
  await eventually(() => isWaiting(neighbour), 'the neighbour is at work')
  const { pid } = await stepOf(app.db, neighbour)
  for (const id of [killed, crashed])
    await eventually(async () => (await stepOf(app.db, id)).state === 'quarantined', `step ${id} is given up`)
  expect(await stepOf(app.db, neighbour)).toMatchObject({ state: 'running', attempt: 1, pid })
  writeFileSync(release, '')
  await done
  expect(await stepOf(app.db, neighbour)).toMatchObject({ state: 'succeeded', attempt: 1, failures: 0 })
  for (const [id, signal] of [
    [killed, 'SIGKILL'],
    [crashed, 'SIGSEGV'],
  ] as const) {
    const { failures } = await detailOf(id)
    expect(failures.map(({ attempt, next }) => `${attempt} ${next}`)).toEqual(['1 ready', '2 quarantined'])
    expect(new Set(failures.map((failure) => failure.pid)).size).toBe(2)
    for (const failure of failures) {
      expect(failure).toMatchObject({ code: 'STEP_KILLED', signal, exitCode: null, node: app.config.node })
      expect(failure.argv?.slice(-2)).toEqual(['run-step', '--serve'])
      expect(failure.lastLines.join('\n')).toContain(`about to end by ${signal}`)
      expect(failure.durationS).toBeGreaterThan(0)
      expect(failure.resources['wall_s']).toBeGreaterThan(0)
    }
  }
  const shown = await tilth(['show', String(crashed)], database.env)
  expect(shown.stdout).toMatch(
    /attempt 2: STEP_KILLED, then quarantined[^]*ended by SIGSEGV after [\d.]+ s, on .*pid \d+/,
  )
  // Another host has no log file; what is kept in the database is shown instead.
  rmSync(join(app.config.home, 'logs', `step-${crashed}-1.log`))
  const logs = await tilth(['logs', String(crashed), '--attempt', '1', '--json'], database.env)
  expect(JSON.parse(logs.stdout)).toMatchObject({
    lines: [expect.any(String), expect.stringContaining('about to end by SIGSEGV')],
    failure: { attempt: 1, signal: 'SIGSEGV', next: 'ready' },
  })
})

test('a step that reports its own failure leaves the same evidence', async () => {
  const { stepIds } = await insertSteps(app.db, [{ act: 'fail', message: 'no such band' }])
  await createLocalScheduler(app, log).run({ untilIdle: true })
  const [failure] = (await detailOf(stepIds[0]!)).failures
  expect(failure).toMatchObject({ code: 'INTERNAL', signal: null, exitCode: null, next: 'failed' })
  expect(failure?.argv).toContain('run-step')
  expect(failure?.lastLines.join('\n')).toContain('no such band')
  expect(failure?.resources['max_rss_kb']).toBeGreaterThan(0)
})

test('a process that gives no sign of life is killed when its lease has run out, and that counts as a failure', async () => {
  await setSetting(app.db, 'executor.lease_s', 5)
  const { stepIds } = await insertSteps(app.db, [{ act: 'block', once: true }])
  await createLocalScheduler(app, log).run({ untilIdle: true })
  expect(await stepOf(app.db, stepIds[0]!)).toMatchObject({ state: 'succeeded', attempt: 2, failures: 1 })
  const [failure] = (await detailOf(stepIds[0]!)).failures
  expect(failure).toMatchObject({ code: 'STEP_SILENT', signal: 'SIGKILL', next: 'ready' })
  expect(failure?.lastLines.join('\n')).toContain('blocked')
})

test('a process that can hear nothing, not even SIGTERM, is gone soon after an abort, and its step is back', async () => {
  const { stepIds } = await insertSteps(app.db, [{ act: 'block' }])
  const scheduler = createLocalScheduler(app, log)
  const done = scheduler.run({ untilIdle: false })
  const logged = join(app.config.home, 'logs', `step-${stepIds[0]!}-1.log`)
  const said = () => (existsSync(logged) ? readFileSync(logged, 'utf8') : '')
  await eventually(() => Promise.resolve(said().includes('blocked')), 'it blocks')
  // It says so 50 ms before.
  await new Promise((resolve) => setTimeout(resolve, 500))
  const pid = (await stepOf(app.db, stepIds[0]!)).pid!
  expect(pid).not.toBe(process.pid)
  process.kill(pid, 'SIGTERM')
  const asked = performance.now()
  scheduler.abort()
  await done
  expect(performance.now() - asked).toBeLessThan(20_000)
  expect(existsSync(`/proc/${pid}`)).toBe(false)
  expect(await stepOf(app.db, stepIds[0]!)).toMatchObject({ state: 'ready', failures: 0 })
})

test('a root that is unmounted in mid-run: running steps fail as transient, nothing starts, nothing is written there, and all goes on when it is back', async () => {
  const release = join(app.config.home, 'release-unmounted')
  const { archive } = app.config.roots
  const { stepIds } = await insertSteps(app.db, [{ act: 'wait', release }])
  const scheduler = createLocalScheduler(app, log)
  const done = scheduler.run({ untilIdle: false })
  await eventually(() => isWaiting(stepIds[0]!), 'the first step is at work')
  const away = `${archive} away`
  renameSync(archive, away)
  mkdirSync(archive)
  await eventually(
    () => Promise.resolve(lines.some((line) => line.includes("Root 'archive' should be"))),
    'it is seen',
  )
  // Only now: a round that was under way would still have started it.
  const later = (await insertSteps(app.db, [{ act: 'publish' }])).stepIds[0]!
  writeFileSync(release, '')
  await eventually(async () => (await stepOf(app.db, stepIds[0]!)).failures === 1, 'the running step fails')
  expect(await stepOf(app.db, stepIds[0]!)).toMatchObject({
    state: 'ready',
    error_code: 'ROOT_UNAVAILABLE',
    error_class: 'transient',
  })
  // A few rounds later still.
  await new Promise((resolve) => setTimeout(resolve, 2500))
  expect(await stepOf(app.db, later)).toMatchObject({ state: 'ready', attempt: 0 })
  expect(readdirSync(archive)).toEqual([])
  rmSync(archive, { recursive: true })
  renameSync(away, archive)
  for (const id of [stepIds[0]!, later])
    await eventually(async () => (await stepOf(app.db, id)).state === 'succeeded', `step ${id} is done`)
  await eventually(
    () => Promise.resolve(readdirSync(join(archive, '.staging')).length === 0),
    'staging is empty',
  )
  scheduler.drain()
  await done
})
