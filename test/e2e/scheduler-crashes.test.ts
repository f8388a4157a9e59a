import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { openApp, type App } from '../../src/app.js'
import { loadConfig } from '../../src/config/config.js'
import { eventually, insertSteps, setSetting, stepOf, STEP_RUNS } from '../support/queue.js'

const MAIN = resolve(import.meta.dirname, '..', '..', 'dist', 'src', 'cli', 'main.js')
const home = mkdtempSync(join(tmpdir(), 'tilth-crash-'))
// An own server: one test stops it under load, which the database shared by other test files would not forgive.
const env = { TILTH_HOME: home, TILTH_TEST_PROCESSOR: STEP_RUNS }
let app: App
const children: ChildProcess[] = []

beforeAll(async () => {
  app = await openApp({ config: loadConfig({ TILTH_HOME: home }), serverSettings: { fsync: 'off' } })
})
afterAll(async () => {
  for (const child of children)
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
  await app.close()
  rmSync(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 })
})
beforeEach(async () => {
  await app.db.deleteFrom('product').execute()
  await app.db.deleteFrom('job').execute()
  await app.db.deleteFrom('setting').execute()
  await setSetting(app.db, 'retry.backoff_s', 0)
  await setSetting(app.db, 'executor.cpu_slots', 2)
  await setSetting(app.db, 'processor.l2a.max_parallelism', 2)
  await setSetting(app.db, 'storage.min_free_mb', 0)
})

function up(...args: string[]) {
  const child = spawn(process.execPath, [MAIN, 'up', ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  children.push(child)
  let log = ''
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()))
  const ended = new Promise<{ code: number | null; signal: string | null }>((done) =>
    child.on('close', (code, signal) => {
      done({ code, signal })
    }),
  )
  return { child, ended, log: () => log }
}

const countIn = async (state: 'running' | 'succeeded' | 'ready') =>
  Number(
    (
      await app.db
        .selectFrom('step')
        .select((eb) => eb.fn.countAll().as('n'))
        .where('state', '=', state)
        .executeTakeFirstOrThrow()
    ).n,
  )
const isAlive = (pid: number) => {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
/** Every step succeeded once, and its product is there with its file; nothing is left in staging. */
async function expectAllDone(stepIds: readonly number[]): Promise<void> {
  for (const id of stepIds) {
    const step = await stepOf(app.db, id)
    expect(step).toMatchObject({ state: 'succeeded', failures: 0 })
    const ends = await app.db
      .selectFrom('step_event')
      .select('kind')
      .where('step_id', '=', id)
      .where('kind', '=', 'succeeded')
      .execute()
    expect(ends).toHaveLength(1)
    const [product] = await app.db
      .selectFrom('product')
      .select(['location', 'attempt'])
      .where('step_id', '=', id)
      .execute()
    expect(product?.attempt).toBe(step.attempt)
    expect(existsSync(join(home, 'archive', product!.location.replace('archive:', ''), 'B02_sre.tif'))).toBe(
      true,
    )
  }
  expect(readdirSync(join(home, 'archive', '.staging'))).toEqual([])
}

test('a scheduler killed with -9 takes no work with it: its steps end themselves within seconds, and the next one does all, once', async () => {
  await setSetting(app.db, 'executor.lease_s', 300)
  const { stepIds } = await insertSteps(
    app.db,
    Array.from({ length: 6 }, () => ({ act: 'publish', delay_ms: 700 })),
  )
  const first = up()
  await eventually(
    async () => (await countIn('succeeded')) >= 1 && (await countIn('running')) >= 1,
    'work is under way',
  )
  const pids = (
    await app.db
      .selectFrom('step')
      .select('pid')
      .where('state', '=', 'running')
      .where('pid', 'is not', null)
      .execute()
  ).map(({ pid }) => pid!)
  first.child.kill('SIGKILL')
  expect((await first.ended).signal).toBe('SIGKILL')
  const died = performance.now()
  await eventually(() => Promise.resolve(!pids.some(isAlive)), 'the step processes end themselves')
  expect(performance.now() - died).toBeLessThan(20_000)
  expect(await countIn('succeeded')).toBeLessThan(6)
  const restarted = performance.now()
  expect((await up('--until-idle').ended).code).toBe(0)
  // Nobody waited for the leases of 300 s: the steps were given back, or their claimer was seen to be dead.
  expect(performance.now() - restarted).toBeLessThan(120_000)
  await expectAllDone(stepIds)
})

test('Ctrl-C drains: the running steps end, the others wait, and nothing counts as a failure', async () => {
  const { stepIds } = await insertSteps(
    app.db,
    Array.from({ length: 4 }, () => ({ act: 'publish', delay_ms: 1200 })),
  )
  const scheduler = up()
  await eventually(async () => (await countIn('running')) === 2, 'two steps run')
  scheduler.child.kill('SIGINT')
  expect((await scheduler.ended).code).toBe(0)
  expect(scheduler.log()).toContain('draining')
  expect([await countIn('succeeded'), await countIn('ready'), await countIn('running')]).toEqual([2, 2, 0])
  for (const id of stepIds) expect((await stepOf(app.db, id)).failures).toBe(0)
})

test('a second Ctrl-C interrupts: running steps go back to the queue and are done by the next scheduler', async () => {
  const { stepIds } = await insertSteps(
    app.db,
    Array.from({ length: 2 }, () => ({ act: 'publish', delay_ms: 4000 })),
  )
  const scheduler = up()
  await eventually(async () => (await countIn('running')) === 2, 'two steps run')
  scheduler.child.kill('SIGINT')
  await eventually(() => Promise.resolve(scheduler.log().includes('draining')), 'the first is heard')
  scheduler.child.kill('SIGINT')
  expect((await scheduler.ended).code).toBe(0)
  expect([await countIn('ready'), await countIn('running')]).toEqual([2, 0])
  expect((await up('--until-idle').ended).code).toBe(0)
  await expectAllDone(stepIds)
})

test('Postgres stopped hard under load: running steps go on, their ends are written when it is back', async () => {
  const { stepIds } = await insertSteps(
    app.db,
    Array.from({ length: 8 }, () => ({ act: 'publish', delay_ms: 500 })),
  )
  const scheduler = up('--until-idle')
  await eventually(
    async () => (await countIn('succeeded')) >= 2 && (await countIn('running')) >= 1,
    'work is under way',
  )
  const pid = Number(readFileSync(postmasterPid(home), 'utf8').split('\n')[0])
  // Immediate shutdown: all connections are cut in mid-sentence; whoever uses the server next starts it again, with recovery.
  process.kill(pid, 'SIGQUIT')
  await eventually(() => Promise.resolve(!isAlive(pid)), 'the server is gone')
  expect((await scheduler.ended).code, scheduler.log()).toBe(0)
  // Between two rounds only the leader's own connection may notice that the server was gone.
  expect(scheduler.log()).toMatch(/Postgres is away|its connection is gone/)
  await eventually(async () => countIn('succeeded').catch(() => undefined), 'this process is connected again')
  await expectAllDone(stepIds)
})

function postmasterPid(folder: string): string {
  const found = readdirSync(folder, { recursive: true, encoding: 'utf8' }).find((path) =>
    path.endsWith('postmaster.pid'),
  )
  if (found === undefined) throw new Error(`no postmaster.pid below ${folder}`)
  return join(folder, found)
}
