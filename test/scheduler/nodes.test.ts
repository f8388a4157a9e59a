import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import type { App } from '../../src/app.js'
import { addSite } from '../../src/catalog/sites.js'
import { createLocalScheduler } from '../../src/cli/run-scheduler.js'
import { compareVersions, recordProgramVersion } from '../../src/db/migrated-for.js'
import { machineLoadReader } from '../../src/scheduler/machine-load.js'
import { forgetNode, getNode, labelNode, listNodes, setNodeWish } from '../../src/scheduler/nodes.js'
import { setPaused } from '../../src/scheduler/pause.js'
import type { Scheduler, SchedulerLog } from '../../src/scheduler/scheduler.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { eventually, insertSteps, setSetting, stepOf, STEP_RUNS } from '../support/queue.js'

let database: TestDatabase
let app: App
let lines: string[]
const log: SchedulerLog = { info: (m) => lines.push(m), warn: (m) => lines.push(m) }
const running: { scheduler: Scheduler; done: Promise<void> }[] = []

beforeAll(async () => {
  process.env['TILTH_TEST_PROCESSOR'] = STEP_RUNS
  database = await createTestDatabase()
  app = await database.open()
})
afterAll(() => database.close())
beforeEach(async () => {
  lines = []
  for (const table of ['product', 'job', 'setting', 'node', 'site'] as const)
    await app.db.deleteFrom(table).execute()
  await setSetting(app.db, 'executor.cpu_slots', 4)
  await setSetting(app.db, 'processor.l2a.max_parallelism', 4)
  await setSetting(app.db, 'storage.min_free_mb', 0)
  await setSetting(app.db, 'node.heartbeat_s', 1)
})
afterEach(async () => {
  for (const { scheduler, done } of running.splice(0)) {
    scheduler.abort()
    await done
  }
})

/** A scheduler as another node, or another program, would be. */
function up(overrides: { node?: string; version?: string; schema?: string } = {}) {
  const { node = app.config.node, version = app.config.version, schema = app.schema } = overrides
  const scheduler = createLocalScheduler({ ...app, schema, config: { ...app.config, node, version } }, log)
  const started = { scheduler, done: scheduler.run({ untilIdle: false }) }
  running.push(started)
  return started
}
const stateOf = async (id: number) => (await stepOf(app.db, id)).state
const isThere = (name: string) =>
  eventually(async () => (await listNodes(app.db)).some((n) => n.name === name), `${name} is registered`)

test('a scheduler registers its node with what it runs, and its node is gone once it has signed off', async () => {
  const release = join(app.config.home, 'release-register')
  const { stepIds } = await insertSteps(app.db, [{ act: 'wait', release }], { memoryMb: 100 })
  const { scheduler, done } = up({ node: 'alpha' })
  await eventually(async () => (await stateOf(stepIds[0]!)) === 'running', 'the step runs')
  expect(await getNode(app.db, 'alpha')).toMatchObject({
    state: 'active',
    executor: 'local',
    host: app.config.host,
    slots: 4,
    runningSteps: 1,
    slotsTaken: 4,
    memoryTakenMb: 100,
    program: app.config.version,
    schema: app.schema,
    fault: null,
    schedulerPids: [process.pid],
  })
  expect((await stepOf(app.db, stepIds[0]!)).node).toBe('alpha')
  const first = (await getNode(app.db, 'alpha')).lastSeenAt
  const beaten = await eventually(async () => {
    const node = await getNode(app.db, 'alpha')
    return node.lastSeenAt > first && node.cpuUse !== null && node
  }, 'a second heartbeat')
  expect(beaten.memoryFreeMb).toBeGreaterThan(0)
  expect(beaten.load1min).toBeGreaterThanOrEqual(0)
  await expect(forgetNode(app.db, 'alpha')).rejects.toMatchObject({ code: 'CONFLICT' })
  writeFileSync(release, '')
  scheduler.drain()
  await done
  expect(await getNode(app.db, 'alpha')).toMatchObject({ state: 'gone', schedulerPids: [] })
  await forgetNode(app.db, 'alpha')
  await expect(getNode(app.db, 'alpha')).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

test('a node that is silent for three heartbeats is gone by the clock of the database', async () => {
  up({ node: 'mute' })
  await isThere('mute')
  // Its next beat heals the row, and waits for the end of this transaction.
  await app.db.transaction().execute(async (trx) => {
    await trx
      .updateTable('node')
      .set({ last_seen_at: sql<Date>`now() - interval '4 s'`, heartbeat_s: 1 })
      .where('name', '=', 'mute')
      .execute()
    expect((await getNode(trx, 'mute')).state).toBe('gone')
  })
  await eventually(async () => (await getNode(app.db, 'mute')).state === 'active', 'it is heard again')
})

test('of two nodes on one host the paused one takes nothing, and works again within 2 s of resume', async () => {
  up({ node: 'one' })
  await isThere('one')
  await setNodeWish(app.db, 'one', 'paused')
  const { stepIds } = await insertSteps(app.db, [{ act: 'publish' }])
  up({ node: 'two' })
  await eventually(async () => (await stateOf(stepIds[0]!)) === 'succeeded', 'the other node did it')
  expect((await stepOf(app.db, stepIds[0]!)).node).toBe('two')
  await setNodeWish(app.db, 'two', 'paused')
  // A round that was under way may still start what comes meanwhile.
  await eventually(
    () => Promise.resolve(lines.some((line) => line.includes('node two is paused'))),
    'it says why',
  )
  const later = (await insertSteps(app.db, [{ act: 'publish' }])).stepIds[0]!
  expect(await stepOf(app.db, later)).toMatchObject({ state: 'ready', attempt: 0 })
  const resumed = performance.now()
  await setNodeWish(app.db, 'one', 'active')
  await eventually(async () => (await stepOf(app.db, later)).attempt === 1, 'the step is claimed')
  expect(performance.now() - resumed).toBeLessThan(2000)
  expect((await stepOf(app.db, later)).node).toBe('one')
})

test('a draining node ends its steps, is drained then, and what a shutdown interrupts there counts no failure', async () => {
  const release = join(app.config.home, 'release-drain-node')
  const [first, second] = (
    await insertSteps(app.db, [
      { act: 'wait', release },
      { act: 'wait', release: join(app.config.home, 'never') },
    ])
  ).stepIds as [number, number]
  const { scheduler, done } = up({ node: 'old' })
  for (const id of [first, second])
    await eventually(async () => (await stepOf(app.db, id)).progress === 0.5, `step ${id} waits`)
  expect((await setNodeWish(app.db, 'old', 'draining')).state).toBe('draining')
  // A round that was under way may still start what comes meanwhile.
  await eventually(
    () => Promise.resolve(lines.some((line) => line.includes('node old is draining'))),
    'it says why',
  )
  const third = (await insertSteps(app.db, [{ act: 'publish' }])).stepIds[0]!
  writeFileSync(release, '')
  await eventually(async () => (await stateOf(first)) === 'succeeded', 'the running step ends')
  expect(await stateOf(third)).toBe('ready')
  expect((await getNode(app.db, 'old')).state).toBe('draining')
  scheduler.abort()
  await done
  expect(await stepOf(app.db, second)).toMatchObject({ state: 'ready', attempt: 1, failures: 0 })
  // The wish outlives the scheduler: after an upgrade it is the operator who lets the node work again.
  up({ node: 'old' })
  await eventually(async () => (await getNode(app.db, 'old')).state === 'drained', 'it is drained')
  expect(await stateOf(third)).toBe('ready')
  await setPaused(app.db, { kind: 'node', name: 'old' }, false)
  await eventually(async () => (await stateOf(third)) === 'succeeded', 'it works again')
})

test('a held node ends --until-idle although steps wait', async () => {
  up({ node: 'held' })
  await isThere('held')
  await setNodeWish(app.db, 'held', 'paused')
  await insertSteps(app.db, [{ act: 'publish' }])
  const other = createLocalScheduler({ ...app, config: { ...app.config, node: 'held' } }, log)
  await other.run({ untilIdle: true })
})

test.each([
  ['program', { version: '0.0.9' }, 'was migrated for program'],
  ['schema', { schema: '0000_older' }, 'has schema'],
])(
  'a node of another %s gets no work and says VERSION_MISMATCH, unless it is allowed',
  async (_, other, says) => {
    up({ node: 'stale', ...other })
    const { stepIds } = await insertSteps(app.db, [{ act: 'publish' }])
    const fault = await eventually(
      async () => (await listNodes(app.db)).find((n) => n.name === 'stale')?.fault ?? undefined,
      'the node says why',
    )
    expect(fault).toMatch(/^VERSION_MISMATCH: /)
    expect(fault).toContain(says)
    expect(await stepOf(app.db, stepIds[0]!)).toMatchObject({ state: 'ready', attempt: 0 })
    await setSetting(app.db, 'node.allow_other_versions', true)
    await eventually(async () => (await stateOf(stepIds[0]!)) === 'succeeded', 'it is allowed now')
    await eventually(async () => (await getNode(app.db, 'stale')).fault === null, 'nothing is wrong any more')
  },
)

test('the newest program that opens a database is the one it is for; an explicit migrate goes back', async () => {
  const now = async () =>
    (await app.db.selectFrom('migrated_for').select('version').executeTakeFirstOrThrow()).version
  onTestFinished(async () => {
    await recordProgramVersion(app.db, app.config.version, { exactly: true })
  })
  expect(await now()).toBe(app.config.version)
  await recordProgramVersion(app.db, '0.10.0', { exactly: false })
  await recordProgramVersion(app.db, '0.9.2', { exactly: false })
  expect(await now()).toBe('0.10.0')
  await recordProgramVersion(app.db, '0.9.2', { exactly: true })
  expect(await now()).toBe('0.9.2')
  const ordered = ['0.9.2', '0.10.0-beta', '0.10.0', '1.0']
  expect([...ordered].reverse().sort(compareVersions)).toEqual(ordered)
})

test('a paused job or site starts nothing and goes on within 2 s of resume; a child site waits with its parent', async () => {
  const area = {
    type: 'Polygon' as const,
    coordinates: [
      [
        [1.2, 43.2],
        [1.4, 43.2],
        [1.4, 43.4],
        [1.2, 43.2],
      ],
    ],
  }
  await addSite(app.db, { name: 'Region', area: area as never })
  const child = await addSite(app.db, { name: 'Farm', area: area as never, parent: 'region' })
  await setPaused(app.db, { kind: 'site', slug: 'region' }, true)
  const ofSite = (await insertSteps(app.db, [{ act: 'publish' }], { siteId: child.id })).stepIds[0]!
  const job = await insertSteps(app.db, [{ act: 'publish' }])
  await setPaused(app.db, { kind: 'job', id: job.id }, true)
  up()
  const canary = (await insertSteps(app.db, [{ act: 'publish' }])).stepIds[0]!
  await eventually(async () => (await stateOf(canary)) === 'succeeded', 'work that is not paused is done')
  for (const id of [ofSite, job.stepIds[0]!])
    expect(await stepOf(app.db, id)).toMatchObject({ state: 'ready', attempt: 0 })
  for (const [what, id] of [
    [{ kind: 'site', slug: 'region' }, ofSite],
    [{ kind: 'job', id: job.id }, job.stepIds[0]!],
  ] as const) {
    const resumed = performance.now()
    await setPaused(app.db, what, false)
    await eventually(async () => (await stepOf(app.db, id)).attempt === 1, 'the step is claimed')
    expect(performance.now() - resumed).toBeLessThan(2000)
  }
})

test('pausing what does not exist, and a malformed label, are told', async () => {
  for (const what of [
    { kind: 'site', slug: 'nowhere' },
    { kind: 'job', id: 999_999 },
    { kind: 'node', name: 'nobody' },
  ] as const)
    await expect(setPaused(app.db, what, true)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await expect(labelNode(app.db, 'nobody', ['a=b'])).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await expect(labelNode(app.db, 'nobody', ['no label'])).rejects.toMatchObject({ code: 'BAD_ARGUMENT' })
})

test('labels are set and removed and outlive heartbeats', async () => {
  up({ node: 'labelled' })
  await isThere('labelled')
  expect((await labelNode(app.db, 'labelled', ['disk=ssd', 'room=2'])).labels).toEqual({
    disk: 'ssd',
    room: '2',
  })
  expect((await labelNode(app.db, 'labelled', ['room='])).labels).toEqual({ disk: 'ssd' })
  const seen = (await getNode(app.db, 'labelled')).lastSeenAt
  await eventually(async () => (await getNode(app.db, 'labelled')).lastSeenAt > seen, 'another heartbeat')
  expect((await getNode(app.db, 'labelled')).labels).toEqual({ disk: 'ssd' })
})

test('the load of a machine is read as the kernel writes it; what a kernel does not say is null', () => {
  const root = mkdtempSync(join(tmpdir(), 'tilth-load-'))
  onTestFinished(() => {
    rmSync(root, { recursive: true })
  })
  const put = (path: string, text: string) => {
    mkdirSync(join(root, path, '..'), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  const empty = { load1min: null, cpuUse: null, memoryFreeMb: null }
  const stall = { pressureCpu: null, pressureIo: null, pressureMemory: null }
  expect(machineLoadReader(root)()).toEqual({ ...empty, ...stall })
  put('proc/loadavg', '0.52 0.58 0.59 2/467 12345\n')
  put('proc/meminfo', 'MemTotal:       16384000 kB\nMemAvailable:    4194304 kB\n')
  put('proc/pressure/cpu', 'some avg10=1.25 avg60=0.10 avg300=0.00 total=12\n')
  put(
    'proc/pressure/io',
    'some avg10=30.00 avg60=0.00 avg300=0.00 total=1\nfull avg10=20.00 avg60=0.00 avg300=0.00 total=1\n',
  )
  // 1000 ticks, of which idle 700 and waiting for I/O 100.
  put('proc/stat', 'cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 100 0 100 700 100 0 0 0 0 0\n')
  const reader = machineLoadReader(root)
  expect(reader()).toEqual({
    load1min: 0.52,
    cpuUse: null,
    memoryFreeMb: 4096,
    pressureCpu: 1.25,
    pressureIo: 30,
    pressureMemory: null,
  })
  // 100 ticks later 75 more were busy. The control group leaves 300 - 200 + 50 MiB.
  put('proc/stat', 'cpu  150 0 125 720 105 0 0 0 0 0\n')
  put('proc/self/cgroup', '0::/box\n')
  put('sys/fs/cgroup/box/memory.max', `${300 * 2 ** 20}\n`)
  put('sys/fs/cgroup/box/memory.current', `${200 * 2 ** 20}\n`)
  put('sys/fs/cgroup/box/memory.stat', `anon 1\ninactive_file ${50 * 2 ** 20}\n`)
  expect(reader()).toMatchObject({ cpuUse: 0.75, memoryFreeMb: 150 })
  // Controllers of version 1: 300 - 250 + 20 MiB.
  put('proc/self/cgroup', '5:pids:/\n4:memory:/a/b\n0::/\n')
  put('sys/fs/cgroup/memory/a/b/memory.limit_in_bytes', `${300 * 2 ** 20}\n`)
  put('sys/fs/cgroup/memory/a/b/memory.usage_in_bytes', `${250 * 2 ** 20}\n`)
  put('sys/fs/cgroup/memory/a/b/memory.stat', `inactive_file 1\ntotal_inactive_file ${20 * 2 ** 20}\n`)
  expect(reader()).toMatchObject({ memoryFreeMb: 70 })
})
