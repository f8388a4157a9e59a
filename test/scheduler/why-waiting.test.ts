import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { provenRoots, registeredRoots } from '../../src/catalog/storage-roots.js'
import { beatNode } from '../../src/db/nodes/beat-node.js'
import { claimReadySteps } from '../../src/db/steps/claim-ready-steps.js'
import { failStep } from '../../src/db/steps/end-attempt.js'
import { setNodeWish } from '../../src/scheduler/nodes.js'
import { readStalls } from '../../src/scheduler/pressure.js'
import { showStep } from '../../src/scheduler/queue-view.js'
import { tilth } from '../support/cli.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { insertSteps, setSetting } from '../support/queue.js'

let database: TestDatabase
let app: App
let region: number
let farm: number
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
  const add = async (slug: string, parent: number | null) =>
    (
      await app.db
        .insertInto('site')
        .values({ slug, name: slug, parent_id: parent, geometry: '{}', bbox: '(1,1),(0,0)' })
        .returning('id')
        .executeTakeFirstOrThrow()
    ).id
  region = await add('region', null)
  farm = await add('farm', region)
})
afterAll(() => database.close())
beforeEach(async () => {
  for (const table of ['job', 'setting', 'storage_root'] as const) await app.db.deleteFrom(table).execute()
  await app.db.updateTable('site').set({ paused: false }).execute()
  await setSetting(app.db, 'executor.cpu_slots', 4)
  await setSetting(app.db, 'executor.memory_mb', 1000)
  await setSetting(app.db, 'storage.min_free_mb', 0)
})

const host = () => ({
  node: app.config.host,
  proveRoots: () => registeredRoots(app.db, app.config),
})
const waits = async (id: number) => (await showStep(app.db, id, host())).waits
const claim = async (id: number) => {
  const [claimed] = await claimReadySteps(app.db, {
    executor: 'local',
    node: app.config.host,
    pid: process.pid,
    leaseSeconds: 60,
    grants: [{ id, threads: 4, settingsId: 0 }],
  })
  return claimed!
}
const one = async (options: Parameters<typeof insertSteps>[2] = {}) =>
  (await insertSteps(app.db, [{}], options)).stepIds[0]!

test('a step that could start says that no scheduler has taken it; a running one waits for nothing', async () => {
  const id = await one()
  expect(await waits(id)).toEqual([expect.stringContaining('`tilth up`') as string])
  await claim(id)
  expect(await waits(id)).toEqual([])
})

test('after a failure it names the failure and the seconds left', async () => {
  const id = await one()
  const key = await claim(id)
  const failure = { code: 'DISK_FULL', failure: 'resource' as const, message: 'full', lastLines: [] }
  await failStep(app.db, key, failure, () => ({ kind: 'retry', delayS: 500 }), {})
  const [reason] = await waits(id)
  const [, seconds] =
    /^the next attempt after failure 1 \(DISK_FULL\) may start in (\d+) s$/.exec(reason!) ?? []
  expect(Number(seconds)).toBeGreaterThan(400)
  expect(Number(seconds)).toBeLessThanOrEqual(500)
})

test('paused job, site and parent site are all named', async () => {
  const { id: job, stepIds } = await insertSteps(app.db, [{}], { siteId: farm })
  await app.db.updateTable('job').set({ paused: true }).where('id', '=', job).execute()
  await app.db.updateTable('site').set({ paused: true }).execute()
  const reasons = await waits(stepIds[0]!)
  expect([...reasons].sort()).toEqual([
    `job ${job} is paused`,
    'parent site region is paused',
    'site farm is paused',
  ])
})

test('a blocked step names the predecessors that have not succeeded', async () => {
  const first = await one()
  const second = await one()
  await app.db.updateTable('step').set({ state: 'blocked' }).where('id', '=', second).execute()
  await app.db.insertInto('step_dependency').values({ step_id: second, predecessor_id: first }).execute()
  expect(await waits(second)).toEqual([`waits for step ${first} (ready)`])
})

test('memory, slots and caps: what is lacking, and how many are ahead', async () => {
  await claim(await one({ memoryMb: 900 }))
  const ahead = await one({ memoryMb: 200 })
  const id = await one({ memoryMb: 200 })
  await setSetting(app.db, 'processor.l2a.tile_threads_hint', 1)
  expect(await waits(ahead)).toEqual(['needs 200 MiB, 100 of 1000 are free'])
  expect(await waits(id)).toEqual(['needs 200 MiB, 100 of 1000 are free; steps ahead of it: 1'])
  await setSetting(app.db, 'executor.memory_mb', 8000)
  await setSetting(app.db, 'executor.cpu_slots', 1)
  await setSetting(app.db, 'processor.l2a.max_parallelism', 5)
  expect(await waits(ahead)).toEqual(['all 1 slots are taken'])
  await setSetting(app.db, 'processor.l2a.max_parallelism', 1)
  expect(await waits(ahead)).toEqual(['processor.l2a.max_parallelism is 1, and 1 run'])
})

test('of many that could start, those beyond the first few wait for the starts to be spread', async ({
  skip,
}) => {
  if (readStalls().memoryUs === null) skip('this kernel has no /proc/pressure')
  await setSetting(app.db, 'executor.cpu_slots', 8)
  await setSetting(app.db, 'executor.memory_mb', 8000)
  await setSetting(app.db, 'executor.memory_reserve_mb', 0)
  await setSetting(app.db, 'processor.l2a.tile_threads_hint', 1)
  await setSetting(app.db, 'pressure.interval_s', 7)
  await claim(await one({ memoryMb: 1 }))
  const { stepIds } = await insertSteps(
    app.db,
    Array.from({ length: 4 }, () => ({})),
    { memoryMb: 1 },
  )
  expect(await waits(stepIds[2]!)).toEqual([
    expect.stringContaining('no scheduler has taken it yet') as string,
  ])
  expect(await waits(stepIds[3]!)).toEqual([
    expect.stringMatching(/^it may start within some seconds: .* after each 7 s/) as string,
  ])
  for (const key of ['pressure.memory_percent', 'pressure.io_percent']) await setSetting(app.db, key, 0)
  expect(await waits(stepIds[3]!)).toEqual([
    expect.stringContaining('no scheduler has taken it yet') as string,
  ])
})

test('a site at its own cap is told apart from the global one', async () => {
  await setSetting(app.db, 'processor.l2a.max_parallelism', 3)
  await setSetting(app.db, 'processor.l2a.max_parallelism', 1, region)
  await claim(await one({ siteId: farm }))
  expect(await waits(await one({ siteId: farm }))).toEqual([
    'processor.l2a.max_parallelism of site region is 1, and 1 run',
  ])
})

test('a wrong or too full root is named; asking makes no root', async () => {
  const id = await one()
  await waits(id)
  expect(await app.db.selectFrom('storage_root').select('name').execute()).toEqual([])
  const { scratch } = await provenRoots(app.db, app.config)
  await setSetting(app.db, 'storage.min_free_mb', 1_000_000_000)
  expect(await waits(id)).toEqual([expect.stringContaining('storage.min_free_mb is 1000000000') as string])
  rmSync(join(scratch, '.tilth-root'))
  expect(await waits(id)).toEqual([expect.stringContaining("Root 'scratch' should be") as string])
})

test('`tilth show` says it in words and as JSON', async () => {
  const id = await one()
  const text = await tilth(['show', String(id)], database.env)
  expect(text.stdout).toMatch(/^waits +it may start now/m)
  const json = await tilth(['show', String(id), '--json'], database.env)
  expect(JSON.parse(json.stdout)).toMatchObject({ waits: [expect.stringContaining('may start')] })
})

test('`tilth why` asks about the node of TILTH_NODE, not about the host', async () => {
  const id = await one()
  const node = 'north'
  const { host: name, version: program } = app.config
  await beatNode(app.db, {
    ...{ node, pid: process.pid, executor: 'local', host: name, slots: 4, memoryMb: 1000, heartbeatS: 5 },
    ...{ program, schema: app.schema, fault: null, slotsHeldTo: null, heldReason: null },
    ...{ load1min: null, cpuUse: null, memoryFreeMb: null },
    ...{ pressureCpu: null, pressureIo: null, pressureMemory: null },
  })
  await setNodeWish(app.db, node, 'paused')
  const why = (env: Record<string, string> = {}) => tilth(['why', String(id)], { ...database.env, ...env })
  expect((await why()).stdout).toContain('it may start now')
  expect((await why({ TILTH_NODE: node })).stdout).toContain('node north is paused')
})

test('`tilth report` writes the page of a job, or its times and intervals as JSON', async () => {
  const { id, stepIds } = await insertSteps(app.db, [{}, {}])
  await claim(stepIds[0]!)
  const file = join(app.config.home, 'report of it.html')
  const page = await tilth(['report', String(id), '--out', file], database.env)
  expect(page).toMatchObject({ exitCode: 0, stdout: expect.stringContaining(file) as string })
  expect(readFileSync(file, 'utf8')).toMatch(/<svg[^]*<rect/)
  const json = await tilth(['report', String(id), '--json'], database.env)
  expect(JSON.parse(json.stdout)).toMatchObject({
    times: { cpuS: 0 },
    timeline: [
      { intervals: [{ kind: 'queued' }, { kind: 'running', outcome: 'runs' }] },
      { intervals: [{ kind: 'queued', waitedFor: null }] },
    ],
  })
})
