import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { programRoot } from '../support/cli.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { eventually, insertSteps, setSetting, stepOf, STEP_RUNS } from '../support/queue.js'

let database: TestDatabase
let app: App
const children: ChildProcess[] = []
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
})
beforeEach(async () => {
  await app.db.deleteFrom('product').execute()
  await app.db.deleteFrom('job').execute()
  await app.db.deleteFrom('setting').execute()
  await setSetting(app.db, 'retry.backoff_s', 0)
  await setSetting(app.db, 'executor.cpu_slots', 2)
  await setSetting(app.db, 'executor.lease_s', 5)
  await setSetting(app.db, 'processor.l2a.max_parallelism', 8)
  await setSetting(app.db, 'storage.min_free_mb', 0)
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})
afterAll(() => database.close())

/** A scheduler as a process of its own; `TILTH_HOST` makes it one of another host. */
function up(env: Readonly<Record<string, string>> = {}, flags: readonly string[] = ['--until-idle']) {
  const child = spawn(process.execPath, [join(programRoot, 'dist/src/cli/main.js'), 'up', ...flags], {
    env: { ...process.env, ...database.env, TILTH_TEST_PROCESSOR: STEP_RUNS, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  children.push(child)
  let log = ''
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()))
  const ended = new Promise<number | null>((done) => child.on('close', done))
  return { child, ended, log: () => log }
}

const events = () =>
  app.db
    .selectFrom('step_event')
    .select(['step_id', 'attempt', 'kind', 'detail'])
    .orderBy('at')
    .orderBy('id')
    .execute()
const nodeOf = (detail: unknown): string => (detail as { node?: string }).node ?? ''

/** The most claims that were open at once, on one node or on all. */
async function mostAtOnce(node?: string): Promise<number> {
  let now = 0
  let most = 0
  const counted = new Set<number>()
  for (const event of await events()) {
    if (event.kind === 'claimed' && (node === undefined || nodeOf(event.detail) === node)) {
      counted.add(event.step_id)
      now += 1
    } else if (event.kind === 'succeeded' && counted.has(event.step_id)) now -= 1
    most = Math.max(most, now)
  }
  return most
}

test('two schedulers of one node share its slots; one of another node has its own', async () => {
  await setSetting(app.db, 'executor.lease_s', 60)
  const { id: job, stepIds } = await insertSteps(
    app.db,
    Array.from({ length: 24 }, () => ({ act: 'publish', delay_ms: 400 })),
  )
  // Nobody begins before all are there: on a busy machine the last one would find nothing left.
  const pause = (paused: boolean) => app.db.updateTable('job').set({ paused }).where('id', '=', job).execute()
  await pause(true)
  const schedulers = ['a', 'a', 'b'].map((host) => up({ TILTH_HOST: host }, []))
  await eventually(
    () => Promise.resolve(schedulers.every(({ log }) => log().includes(' is up '))),
    'all schedulers are up',
    300_000,
  )
  await pause(false)
  await eventually(
    async () => {
      const open = await app.db.selectFrom('step').select('id').where('state', '<>', 'succeeded').execute()
      return open.length === 0
    },
    'all steps have succeeded',
    300_000,
  )
  for (const { child } of schedulers) child.kill('SIGTERM')
  for (const { ended, log } of schedulers) expect(await ended, log()).toBe(0)
  for (const id of stepIds) expect(await stepOf(app.db, id)).toMatchObject({ state: 'succeeded', attempt: 1 })
  expect(await mostAtOnce('a')).toBe(2)
  expect(await mostAtOnce('b')).toBe(2)
  expect(await mostAtOnce()).toBeGreaterThan(2)
})

test('the clock of one host an hour ahead changes nothing: no lease is lost, no retry comes early or late', async () => {
  const { stepIds } = await insertSteps(app.db, [
    ...Array.from({ length: 4 }, () => ({ act: 'publish', delay_ms: 6500 })),
    { act: 'fail', code: 'EIO' },
  ])
  await setSetting(app.db, 'retry.backoff_s', 3)
  await setSetting(app.db, 'retry.max_failures', 2)
  const ahead = join(programRoot, 'test/support/clock-ahead.mjs')
  const options = `--import=${new URL(`file://${ahead}`).href}`
  const schedulers = [up({ TILTH_HOST: 'right' }), up({ TILTH_HOST: 'ahead', NODE_OPTIONS: options })]
  for (const { ended, log } of schedulers) expect(await ended, log()).toBe(0)
  // Its log shows that the clock was wrong indeed, in the scheduler and in its step processes.
  const hour = new Date(Date.now() + 3_600_000).toISOString().slice(0, 13)
  expect([hour, new Date(Date.now() + 3_480_000).toISOString().slice(0, 13)]).toContain(
    /\d{4}-\d\d-\d\dT\d\d(?=:\d\d:\d\d\.\d+Z info step)/.exec(schedulers[1]!.log())?.[0],
  )
  for (const id of stepIds.slice(0, 4))
    expect(await stepOf(app.db, id)).toMatchObject({ state: 'succeeded', attempt: 1, failures: 0 })
  const all = await events()
  expect(all.filter(({ kind }) => kind === 'released')).toEqual([])
  expect(new Set(all.filter(({ kind }) => kind === 'claimed').map(({ detail }) => nodeOf(detail)))).toEqual(
    new Set(['right', 'ahead']),
  )
  const { rows } = await app.pool.query<{ waited: number }>(
    `select extract(epoch from c.at - f.at)::float8 as waited from step_event f join step_event c on c.step_id = f.step_id
     where f.kind = 'failed' and f.attempt = 1 and c.kind = 'claimed' and c.attempt = 2`,
  )
  expect(rows).toHaveLength(1)
  expect(rows[0]!.waited).toBeGreaterThan(1.4)
  expect(rows[0]!.waited).toBeLessThan(30)
})

test('a step process that hangs when its scheduler dies is ended by another scheduler of the host, and its step is done', async () => {
  const { stepIds } = await insertSteps(app.db, [{ act: 'block', once: true }])
  const first = up({ TILTH_HOST: 'a' })
  const pid = await eventually(async () => {
    const step = await stepOf(app.db, stepIds[0]!)
    return step.pid !== null && step.pid !== first.child.pid ? step.pid : undefined
  }, 'the step runs')
  const logged = join(database.config.home, 'logs', `step-${stepIds[0]!}-1.log`)
  await eventually(() => Promise.resolve(readFileSync(logged, 'utf8').includes('blocked')), 'it blocks')
  await wait(500)
  first.child.kill('SIGKILL')
  await first.ended
  await wait(2500)
  expect(isAlive(pid)).toBe(true)
  const second = up({ TILTH_HOST: 'a' }, [])
  const isKilled = () => Promise.resolve(second.log().includes(`killed step process ${pid}`))
  await eventually(isKilled, 'the orphan is killed')
  await eventually(async () => (await stepOf(app.db, stepIds[0]!)).state === 'succeeded', 'its step is done')
  second.child.kill('SIGINT')
  expect(await second.ended, second.log()).toBe(0)
  expect(isAlive(pid)).toBe(false)
  expect(await stepOf(app.db, stepIds[0]!)).toMatchObject({ state: 'succeeded', attempt: 2, failures: 0 })
})

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
