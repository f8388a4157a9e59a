import { spawn } from 'node:child_process'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../../src/app.js'
import { getProduct, listProducts } from '../../../src/catalog/products.js'
import { checkArchive } from '../../../src/catalog/check-archive.js'
import { listRules, removeRule, setRule, type RuleRequest } from '../../../src/catalog/retention/rules.js'
import { runRetention, type RetentionAction } from '../../../src/catalog/retention/run-retention.js'
import { provenRoots, registerRoot } from '../../../src/catalog/storage-roots.js'
import { claimReadySteps } from '../../../src/db/steps/claim-ready-steps.js'
import { completeStep } from '../../../src/db/steps/complete-step.js'
import { withSessionLock } from '../../../src/db/with-session-lock.js'
import { createTestDatabase, type TestDatabase } from '../../support/database.js'
import { programRoot, tilth } from '../../support/cli.js'
import { eventually, insertSteps, setSetting } from '../../support/queue.js'
import { createLocalScheduler } from '../../../src/cli/run-scheduler.js'

let database: TestDatabase
let app: App
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
})
afterAll(() => database.close())
beforeEach(async () => {
  for (const table of [
    'product',
    'job',
    'acquisition',
    'site',
    'retention_rule',
    'former_revision',
    'storage_use',
    'storage_root',
  ] as const)
    await app.db.deleteFrom(table).execute()
  for (const path of Object.values(app.config.roots)) rmSync(path, { recursive: true, force: true })
  rmSync(cold(), { recursive: true, force: true })
  await provenRoots(app.db, app.config)
})

const cold = () => join(app.config.home, 'cold')
const path = (location: string) =>
  location.startsWith('cold:')
    ? join(cold(), location.slice(5))
    : join(app.config.roots[location.startsWith('l1:') ? 'l1' : 'archive'], location.replace(/^\w+:/, ''))
const rule = (r: Partial<RuleRequest>) =>
  setRule(app.db, {
    site: null,
    level: null,
    processor: null,
    action: 'delete',
    keepDays: null,
    keepSeasons: null,
    keepRevisions: null,
    by: 'test',
    ...r,
  })
async function run(dryRun = false) {
  const actions: RetentionAction[] = []
  const report = await runRetention(app, { dryRun, onAction: (a) => actions.push(a) })
  return { actions, report: report! }
}
const productOf = (name: string) =>
  app.db.selectFrom('product').selectAll().where('name', '=', name).executeTakeFirstOrThrow()
const formers = () => app.db.selectFrom('former_revision').select(['location', 'reason']).execute()

/** A published product of a step of its own, sensed so many days ago; made again if the name is known. */
async function publish(
  name: string,
  daysAgo = 100,
  files: Record<string, string | Buffer> = { 'B02_sre.tif': 'pixels' },
) {
  const { stepIds } = await insertSteps(app.db, [{}])
  const id = stepIds[0]!
  await claimReadySteps(app.db, {
    executor: 'local',
    node: 'n',
    pid: process.pid,
    leaseSeconds: 60,
    grants: [{ id, threads: 1, settingsId: 0 }],
  })
  const location = `archive:L2A/31TCJ/2026/01/${name}/r${id}-1`
  mkdirSync(path(location), { recursive: true })
  for (const [file, content] of Object.entries(files)) writeFileSync(join(path(location), file), content)
  const bytes = Object.values(files).reduce((sum, content) => sum + content.length, 0)
  const product = {
    name,
    level: 'L2A',
    processor: 'l2a',
    processorVersion: 1,
    satellite: 's2' as const,
    platform: 'S2A',
    tile: '31TCJ',
    sensedAt: new Date(Date.now() - daysAgo * 86_400_000).toISOString(),
    relativeOrbit: 51,
    acquisitionId: null,
    location,
    bytes,
    bbox: null,
    provenance: {},
  }
  expect(await completeStep(app.db, { id, attempt: 1 }, [product], {})).toEqual({ kind: 'published' })
  return { id: (await productOf(name)).id, location, step: id }
}
const OLD = 'S2A_L2A_31TCJ_20260101T000000_R051'
const NEW = 'S2A_L2A_31TCJ_20260111T000000_R051'

test('a dry run names product, bytes and rule and changes nothing; the run removes just that, and the row stays as memory', async () => {
  const old = await publish(OLD, 100)
  const young = await publish(NEW, 5)
  const { id } = await rule({ level: 'L2A', keepDays: 30 })
  const dry = await run(true)
  expect(dry.actions).toEqual([
    {
      what: 'product',
      action: 'delete',
      name: OLD,
      location: old.location,
      to: null,
      bytes: 6,
      because: `rule ${id} (all sites, L2A): delete after 30 days`,
    },
  ])
  expect(dry.report).toMatchObject({ done: 1, bytes: 6 })
  expect(existsSync(path(old.location))).toBe(true)
  expect((await productOf(OLD)).removed_at).toBeNull()
  const real = await run()
  expect(real.actions).toEqual(dry.actions)
  expect(existsSync(path(old.location))).toBe(false)
  expect(existsSync(join(path(old.location), '..'))).toBe(false)
  expect(await productOf(OLD)).toMatchObject({ removed_reason: real.actions[0]!.because })
  expect(existsSync(path(young.location))).toBe(true)
  const listed = await listProducts(app.db, { site: null, limit: 10 })
  expect(listed.map(({ name }) => name)).toEqual([NEW])
  expect(await getProduct(app.db, OLD)).toMatchObject({ removedReason: real.actions[0]!.because })
  expect(await formers()).toEqual([])
  expect((await run()).actions).toEqual([])
  // Sums for quotas follow.
  const use = await app.db.selectFrom('storage_use').select(['root', 'products', 'bytes']).execute()
  expect(use).toEqual([{ root: 'archive', products: 1, bytes: 6 }])
})

test('a product that an open step reads, or that a product in force refers to, stays until it is free', async () => {
  const input = await publish(OLD, 100)
  await rule({ keepDays: 30 })
  const { stepIds } = await insertSteps(app.db, [{}])
  await app.db.insertInto('step_input').values({ step_id: stepIds[0]!, product_id: input.id }).execute()
  expect((await run()).report).toMatchObject({
    done: 0,
    needed: [{ name: OLD, neededBy: `step ${stepIds[0]!} (ready) reads it` }],
  })
  await app.db.deleteFrom('step').where('id', '=', stepIds[0]!).execute()
  const chain = await publish(NEW, 5)
  await app.db
    .insertInto('step_input')
    .values({ step_id: chain.step, product_id: input.id, stays_needed: true })
    .execute()
  expect((await run()).report.needed).toEqual([{ name: OLD, neededBy: `product ${NEW} refers to it` }])
  await app.db.updateTable('step_input').set({ stays_needed: false }).execute()
  expect((await run()).report).toMatchObject({ done: 1, needed: [] })
  expect((await productOf(OLD)).removed_at).not.toBeNull()
})

test('archiving copies to the root cold, verified, points the row there, and only then removes the first folder', async () => {
  const old = await publish(OLD, 100, { 'a.tif': Buffer.alloc(3_000_000, 7), 'item.json': '{}' })
  await rule({ action: 'archive', keepDays: 30 })
  const without = await run()
  expect(without.report).toMatchObject({ done: 0, failed: [{ name: OLD, code: 'NOT_FOUND' }] })
  expect(without.report.failed[0]?.message).toContain('tilth db root cold')
  await registerRoot(app.db, app.config, 'cold', cold(), { replace: false, create: true })
  const { actions, report } = await run()
  expect(report).toMatchObject({ done: 1, bytes: 3_000_002, failed: [] })
  const moved = await productOf(OLD)
  expect(moved.location).toBe(old.location.replace('archive:', 'cold:'))
  expect(actions[0]?.to).toBe(moved.location)
  expect(readFileSync(join(path(moved.location), 'a.tif')).equals(Buffer.alloc(3_000_000, 7))).toBe(true)
  expect(existsSync(path(old.location))).toBe(false)
  expect(readdirSync(join(cold(), '.staging'))).toEqual([])
  expect(await formers()).toEqual([])
  expect((await checkArchive(app.db, app.config, { deep: false })).problems).toEqual([])
  expect((await run()).actions).toEqual([])
  await rule({ keepDays: 60 })
  expect((await run()).actions).toMatchObject([{ action: 'delete', location: moved.location }])
  expect(existsSync(path(moved.location))).toBe(false)
})

test('a target in the way that differs is a conflict, and the product stays where it is', async () => {
  const old = await publish(OLD, 100)
  await rule({ action: 'archive', keepDays: 30 })
  await registerRoot(app.db, app.config, 'cold', cold(), { replace: false, create: true })
  const target = path(old.location.replace('archive:', 'cold:'))
  mkdirSync(target, { recursive: true })
  writeFileSync(join(target, 'B02_sre.tif'), 'others')
  expect((await run()).report.failed).toMatchObject([{ name: OLD, code: 'CONFLICT' }])
  expect((await productOf(OLD)).location).toBe(old.location)
  expect(existsSync(path(old.location))).toBe(true)
})

test('older revisions: the sweep grace counts without a rule, and with one the newest are kept whatever their age', async () => {
  const revisions = []
  for (let i = 0; i < 4; i++) revisions.push((await publish(OLD, 1)).location)
  expect((await formers()).map(({ reason }) => reason)).toEqual(['replaced', 'replaced', 'replaced'])
  await app.db
    .updateTable('former_revision')
    .set({ left_at: sql<Date>`left_at - interval '3 days'` })
    .execute()
  await rule({ keepRevisions: 3 })
  expect((await run()).actions.map(({ location }) => location)).toEqual([revisions[0]])
  expect(revisions.map((location) => existsSync(path(location)))).toEqual([false, true, true, true])
  for (const { id } of await listRules(app.db)) await removeRule(app.db, id)
  await run()
  expect(revisions.map((location) => existsSync(path(location)))).toEqual([false, false, false, true])
  expect((await productOf(OLD)).location).toBe(revisions[3])
})

/** An acquisition in the root l1; `make` puts its files there. */
async function acquisition(identity: string, location: string): Promise<number> {
  const { id } = await app.db
    .insertInto('acquisition')
    .values({
      identity,
      satellite: 's2',
      platform: 'S2A',
      tile: '31TCJ',
      sensed_at: new Date('2026-01-01T00:00:00Z'),
      location,
      state: 'present',
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  return id
}
const stateOf = async (id: number) =>
  await app.db
    .selectFrom('acquisition')
    .select(['state', 'reason_code'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow()

test('acquisitions go only by a rule of their level; a link goes without what it leads to; a shared folder with its last one', async () => {
  const outside = join(app.config.home, 'outside.SAFE')
  mkdirSync(outside, { recursive: true })
  writeFileSync(join(outside, 'MTD.xml'), 'x')
  symlinkSync(outside, path('l1:linked.SAFE'))
  const linked = await acquisition('a', 'l1:linked.SAFE/GRANULE')
  mkdirSync(path('l1:multi.SAFE/GRANULE/A'), { recursive: true })
  mkdirSync(path('l1:multi.SAFE/GRANULE/B'))
  const whole = await acquisition('b', 'l1:multi.SAFE')
  const part = await acquisition('c', 'l1:multi.SAFE/GRANULE/A')
  await rule({ keepDays: 0 })
  expect((await run()).actions).toEqual([])
  const { id } = await rule({ level: 'L1C', keepDays: 30 })
  // The granule is read by a step that waits.
  const { stepIds } = await insertSteps(app.db, [{}])
  await sql`update task set acquisition_id = ${part}`.execute(app.db)
  const { report } = await run()
  expect(report.needed).toEqual([{ name: 'c', neededBy: `step ${stepIds[0]!} (ready) reads it` }])
  expect(await stateOf(linked)).toEqual({ state: 'ignored', reason_code: 'RETENTION' })
  expect(() => lstatSync(path('l1:linked.SAFE'))).toThrow()
  expect(readFileSync(join(outside, 'MTD.xml'), 'utf8')).toBe('x')
  expect((await stateOf(whole)).state).toBe('ignored')
  expect(existsSync(path('l1:multi.SAFE/GRANULE/B'))).toBe(true)
  await app.db.deleteFrom('job').execute()
  expect((await run()).actions).toMatchObject([
    { what: 'acquisition', name: 'c', because: `rule ${id} (all sites, L1C): delete after 30 days` },
  ])
  expect(existsSync(path('l1:multi.SAFE/GRANULE/A'))).toBe(false)
})

test('files that are noted for deletion but were ingested again stay', async () => {
  mkdirSync(path('l1:again.SAFE'))
  await acquisition('a', 'l1:again.SAFE')
  await app.db
    .insertInto('former_revision')
    .values({ location: 'l1:again.SAFE', reason: 'removed' })
    .execute()
  await run()
  expect(existsSync(path('l1:again.SAFE'))).toBe(true)
  expect(await formers()).toEqual([])
})

test('one run at a time: another one finds the lock taken and does nothing', async () => {
  await publish(OLD, 100)
  await rule({ keepDays: 30 })
  const second = await withSessionLock(app.db, 'tilth retention', () => runRetention(app, { dryRun: false }))
  expect(second).toBeUndefined()
  expect((await productOf(OLD)).removed_at).toBeNull()
  expect((await run()).report.done).toBe(1)
})

test('killed with -9 at any moment: each product is whole or marked as removed, and a later run finishes', async () => {
  await registerRoot(app.db, app.config, 'cold', cold(), { replace: false, create: true })
  const names = Array.from({ length: 40 }, (_, i) => OLD.replace('R051', `R${String(i + 101)}`))
  const files = { 'a.tif': Buffer.alloc(400_000, 1), 'b.tif': Buffer.alloc(400_000, 2), 'item.json': '{}' }
  for (const [i, name] of names.entries()) await publish(name, i % 2 === 0 ? 100 : 400, files)
  await rule({ action: 'archive', keepDays: 30 })
  await rule({ keepDays: 365 })
  const main = join(programRoot, 'dist', 'src', 'cli', 'main.js')
  let kills = 0
  for (let round = 0; round < 8; round++) {
    const child = spawn(process.execPath, [main, 'retention', 'run'], {
      env: { ...process.env, ...database.env },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const ended = new Promise<string | null>((resolve) =>
      child.on('close', (_, signal) => {
        resolve(signal)
      }),
    )
    await new Promise<void>((resolve) => {
      child.stdout.once('data', () => {
        resolve()
      })
      child.once('close', () => {
        resolve()
      })
    })
    await wait(round * 6)
    child.kill('SIGKILL')
    if ((await ended) === 'SIGKILL') kills += 1
    const { problems } = await checkArchive(app.db, app.config, { deep: false })
    expect(problems.filter(({ kind }) => kind === 'missing' || kind === 'size')).toEqual([])
  }
  expect(kills).toBeGreaterThan(3)
  const { report } = await run()
  expect(report.failed).toEqual([])
  // What the server commits for a process after it was killed is found by the next run but one.
  await run()
  const rows = await app.db.selectFrom('product').select(['location', 'removed_at']).execute()
  expect(rows.filter((row) => row.removed_at !== null)).toHaveLength(20)
  expect(rows.filter((row) => row.location.startsWith('cold:') && row.removed_at === null)).toHaveLength(20)
  expect(await formers()).toEqual([])
  expect((await checkArchive(app.db, app.config, { deep: false })).problems).toEqual([])
  expect(readdirSync(join(cold(), '.staging'))).toEqual([])
})

test('with retention.interval_s the leading scheduler does it by itself; without, never', async () => {
  const old = await publish(OLD, 100)
  await rule({ keepDays: 30 })
  const lines: string[] = []
  const log = { info: (line: string) => lines.push(line), warn: (line: string) => lines.push(line) }
  const scheduler = createLocalScheduler(app, log)
  const up = scheduler.run({ untilIdle: false })
  await eventually(() => Promise.resolve(lines.includes('this scheduler leads')), 'it leads')
  expect(existsSync(path(old.location))).toBe(true)
  await setSetting(app.db, 'retention.interval_s', 1)
  await eventually(async () => (await productOf(OLD)).removed_at !== null, 'the product is removed')
  await eventually(async () => (await formers()).length === 0, 'its folder is gone')
  expect(lines.filter((line) => line.startsWith('retention: delete product'))).toHaveLength(1)
  scheduler.drain()
  await up
})

test('the command: rules are checked, listed and removed; a dry run is JSON lines that end with the report', async () => {
  await publish(OLD, 100)
  const t = (...args: string[]) => tilth(['retention', ...args], database.env)
  for (const [args, says] of [
    [['set', '--keep-days', '3', '--keep-seasons', '1'], 'not both'],
    [['set'], 'how long'],
    [['set', '--level', 'L1C', '--keep-days', '1', '--then', 'archive'], 'not archived'],
    [['set', '--level', 'l2a', '--keep-days', '1'], 'no level'],
  ] as const) {
    const refused = await t(...args)
    expect([refused.exitCode, refused.stderr]).toEqual([64, expect.stringContaining(says)])
  }
  expect((await t('set', '--level', 'L2A', '--keep-days', '30')).exitCode).toBe(0)
  const [listed] = JSON.parse((await t('list', '--json')).stdout) as { id: number; keepDays: number }[]
  expect(listed).toMatchObject({ level: 'L2A', keepDays: 30, action: 'delete' })
  const dry = await t('run', '--dry-run', '--json')
  const [action, report] = dry.stdout.split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)
  expect([action, report]).toMatchObject([
    { name: OLD, bytes: 6 },
    { dryRun: true, done: 1 },
  ])
  expect((await t('remove', String(listed!.id))).exitCode).toBe(0)
  expect((await t('remove', String(listed!.id))).exitCode).toBe(66)
})
