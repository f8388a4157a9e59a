import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { ingestPaths, listAcquisitions } from '../../src/catalog/ingest.js'
import { setSetting } from '../../src/catalog/settings.js'
import { lockTiles } from '../../src/db/catalog/acquisitions.js'
import { retrySteps } from '../../src/db/steps/change-steps.js'
import { completeStep, type Completion, type ProductRow } from '../../src/db/steps/complete-step.js'
import { failStep } from '../../src/db/steps/end-attempt.js'
import { settleEnds } from '../../src/db/steps/settle-ends.js'
import { l2a } from '../../src/processors/l2a/definition.js'
import { Attempt } from '../../src/runner/run-step.js'
import type { StepContext, StepResult } from '../../src/runner/step-context.js'
import { createNdviJob } from '../../src/scheduler/consumers/create-ndvi-job.js'
import { createL2aJob, createL2aJobRows } from '../../src/scheduler/create-l2a-job.js'
import { createStepStore } from '../../src/scheduler/step-store.js'
import { formatExplanation } from '../../src/scheduler/why/explanation.js'
import { why } from '../../src/scheduler/why/why.js'
import { simulateL1c } from '../../src/simulator/simulate-l1c.js'
import { acquireDate } from '../support/chains.js'
import { temporaryFolder } from '../support/cli.js'
import { claimStep, finishConsumer, productOf, productRow, publishProduct } from '../support/consumers.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { eventually, stepOf } from '../support/queue.js'

const folder = temporaryFolder('superseded')
const SCENE = { tile: '31TCJ', date: '2025-05-10', pixelSizeM: 720, seed: 5, noiseDn: 0, outDir: folder }
const NAME = 'S2A_L2A_31TCJ_20250510T105834_R051'
const BY_NEWER = expect.stringMatching(/^superseded by S2_L1C:S2A:31TCJ:.*:N05\.11:G\d{8}T\d{6}$/) as string
let database: TestDatabase
let app: App
/** Another process. */
let other: App
/** Two baselines of one scene. */
let older: string
let newer: string

beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
  other = await database.open()
  await setSetting(app.db, 'ingest.copy_quiet_s', '0', { site: null, by: 'test' })
  older = (await simulateL1c({ ...SCENE, baseline: '04.00' })).safePath
  newer = (await simulateL1c({ ...SCENE, baseline: '05.11' })).safePath
})
afterAll(() => database.close())
beforeEach(async () => {
  for (const table of ['product', 'job', 'acquisition'] as const) await app.db.deleteFrom(table).execute()
})

/** Ingests a version and returns the acquisition that counts then. */
async function arrive(path: string, by = app): Promise<number> {
  await ingestPaths(by, [path], { copy: false })
  const [row] = (await listAcquisitions(app.db, { state: 'present', tile: '31TCJ' })).filter(
    ({ baseline }) => baseline !== null,
  )
  return row?.id ?? 0
}
const plan = async (id: number) => {
  const { stepIds } = await createL2aJob(app.db, { acquisitionIds: [id], createdBy: 'test' })
  return stepIds[0] ?? 0
}
/** What a schedule would make by itself now: how many steps. */
const untried = async () => {
  const ids = (await listAcquisitions(app.db, { state: 'present', tile: null })).map(({ id }) => id)
  const noted = await app.db.selectFrom('l1_news').select('acquisition_id').execute()
  const { stepIds } = await createL2aJob(app.db, { acquisitionIds: ids, untried: true, createdBy: 'test' })
  expect(noted.length).toBeGreaterThanOrEqual(stepIds.length)
  return stepIds
}
const l2aRow = (acquisitionId: number): ProductRow =>
  productRow(NAME, { acquisitionId, processorVersion: l2a.version })
const publish = async (step: { id: number; attempt: number }, acquisitionId: number): Promise<Completion> =>
  completeStep(app.db, step, [l2aRow(acquisitionId)], {})
const endOf = async (id: number) => {
  const { state, error_code: code, error_message: message, job_id: jobId } = await stepOf(app.db, id)
  return { state, code, message, jobId }
}
const jobOf = async (step: number) => {
  await settleEnds(app.db)
  const { jobId } = await endOf(step)
  const { state } = await app.db
    .selectFrom('job')
    .select('state')
    .where('id', '=', jobId)
    .executeTakeFirstOrThrow()
  return state
}
const whyStep = async (id: number) =>
  formatExplanation(await why(app.db, `step:${id}`, { node: 'here', proveRoots: () => Promise.resolve({}) }))
const SUPERSEDED = { state: 'cancelled', code: 'SUPERSEDED', message: BY_NEWER }

/** Starts each work when all before it wait for the tile, and lets them go then: they get it in this order. */
async function inTurn<T>(works: readonly (() => Promise<T>)[]): Promise<T[]> {
  const started: Promise<T>[] = []
  await other.db.transaction().execute(async (trx) => {
    await lockTiles(trx, [{ satellite: 's2', tile: '31TCJ' }])
    for (const work of works) {
      started.push(work())
      await eventually(async () => {
        const { rows } = await sql<{ n: number }>`
          select count(*)::int as n from pg_locks where locktype = 'advisory' and not granted and objsubid = 2
            and database = (select oid from pg_database where datname = current_database())`.execute(app.db)
        return rows[0]?.n === started.length
      }, `${started.length} wait for the tile`)
    }
  })
  return Promise.all(started)
}

test('steps of the older that have not begun end when the newer arrives; a date that waits for one goes on, and the job is complete', async () => {
  const old = await arrive(older)
  const { relative_orbit: orbit } = await app.db
    .selectFrom('acquisition')
    .select('relative_orbit')
    .where('id', '=', old)
    .executeTakeFirstOrThrow()
  const next = await acquireDate(app.db, 20, orbit ?? 0)
  const { stepIds } = await createL2aJob(app.db, { acquisitionIds: [old, next], createdBy: 'test' })
  const [first = 0, second = 0] = stepIds
  expect([(await stepOf(app.db, first)).state, (await stepOf(app.db, second)).state]).toEqual([
    'ready',
    'blocked',
  ])
  await arrive(newer)
  expect(await endOf(first)).toMatchObject(SUPERSEDED)
  expect(await whyStep(first)).toMatch(/gave way .*\n {2}superseded by S2_L1C:S2A:31TCJ:.*:N05\.11/)
  await settleEnds(app.db)
  expect((await stepOf(app.db, second)).state).toBe('ready')
  await completeStep(app.db, await claimStep(app.db, second), [], {})
  expect(await jobOf(first)).toBe('succeeded')
  expect(await untried()).toHaveLength(1)
})

test('a step that ends after the newer one has published is refused, and nothing is made twice', async () => {
  const old = await arrive(older)
  const slow = await claimStep(app.db, await plan(old))
  const recent = await arrive(newer)
  const quick = await claimStep(app.db, await plan(recent))
  expect(await publish(quick, recent)).toEqual({ kind: 'published' })
  const made = await productOf(app.db, NAME)
  expect(await publish(slow, old)).toEqual({ kind: 'superseded', reason: BY_NEWER })
  expect(await productOf(app.db, NAME)).toEqual(made)
  expect(made).toMatchObject({ acquisition_id: recent, step_id: quick.id, revision: 1, stale_since: null })
  expect(await untried()).toEqual([])
  expect((await createL2aJob(app.db, { stale: true, createdBy: 'test' })).stepIds).toEqual([])
  expect(await endOf(slow.id)).toMatchObject(SUPERSEDED)
  expect([await jobOf(slow.id), await jobOf(quick.id)]).toEqual(['succeeded', 'succeeded'])
  // The answer was lost, and the process asks again.
  expect(await publish(slow, old)).toEqual({ kind: 'superseded', reason: BY_NEWER })
  const events = await app.db.selectFrom('step_event').select('kind').where('step_id', '=', slow.id).execute()
  expect(events.filter(({ kind }) => kind === 'cancelled')).toHaveLength(1)
})

test('it is refused too while the newer one is not made: what there is stays as it is, and the newer one is made once', async () => {
  const old = await arrive(older)
  expect(await publish(await claimStep(app.db, await plan(old)), old)).toEqual({ kind: 'published' })
  const { stepIds } = await createL2aJob(app.db, { acquisitionIds: [old], force: true, createdBy: 'test' })
  const again = await claimStep(app.db, stepIds[0] ?? 0)
  const recent = await arrive(newer)
  expect(await publish(again, old)).toMatchObject({ kind: 'superseded' })
  expect(await productOf(app.db, NAME)).toMatchObject({ acquisition_id: old, revision: 1 })
  const [step = 0] = await untried()
  expect(await publish(await claimStep(app.db, step), recent)).toEqual({ kind: 'published' })
  expect(await productOf(app.db, NAME)).toMatchObject({ revision: 2, stale_since: null })
  expect(await untried()).toEqual([])
})

test.each([
  ['published first', ['publish', 'ingest'], 'published'],
  ['superseded first', ['ingest', 'publish'], 'superseded'],
] as const)('both at once, %s: one product in the end, made once of the newer', async (_, order, answer) => {
  const old = await arrive(older)
  const running = await claimStep(app.db, await plan(old))
  const works = {
    publish: () => publish(running, old).then(({ kind }) => kind),
    ingest: () => arrive(newer, other).then(() => ''),
  }
  const ends = await inTurn(order.map((name) => works[name]))
  expect(ends[order.indexOf('publish')]).toBe(answer)
  const rows = await app.db.selectFrom('product').select(['acquisition_id', 'stale_reason']).execute()
  expect(rows).toEqual(
    answer === 'superseded'
      ? []
      : [{ acquisition_id: old, stale_reason: expect.stringContaining('was superseded') as string }],
  )
  const [step = 0, ...more] = await untried()
  expect(more).toEqual([])
  const recent = (await listAcquisitions(app.db, { state: 'present', tile: null }))[0]?.id ?? 0
  expect(await publish(await claimStep(app.db, step), recent)).toEqual({ kind: 'published' })
  expect(await productOf(app.db, NAME)).toMatchObject({ acquisition_id: recent, stale_since: null })
  expect(await untried()).toEqual([])
})

test.each([
  ['the newer step publishes first', ['newer', 'older']],
  ['the older step wants to publish first', ['older', 'newer']],
] as const)('both steps publish at once, %s: the newer product is in force', async (_, order) => {
  const old = await arrive(older)
  const slow = await claimStep(app.db, await plan(old))
  const recent = await arrive(newer)
  const quick = await claimStep(app.db, await plan(recent))
  const works = { older: () => publish(slow, old), newer: () => publish(quick, recent) }
  const ends = await inTurn(order.map((name) => works[name]))
  expect(ends.map(({ kind }) => kind)).toEqual(
    order.map((name) => (name === 'newer' ? 'published' : 'superseded')),
  )
  expect(await productOf(app.db, NAME)).toMatchObject({ step_id: quick.id, revision: 1, stale_since: null })
})

test('when the newer one turns out to be broken the older is made after all, whether its step waited, was refused or runs still', async () => {
  const xml = join(newer, readdirSync(newer).find((name) => name.startsWith('MTD_')) ?? '')
  const text = readFileSync(xml)
  for (const was of ['waiting', 'refused', 'running'] as const) {
    for (const table of ['product', 'job', 'acquisition'] as const) await app.db.deleteFrom(table).execute()
    const old = await arrive(older)
    const id = await plan(old)
    const key = was === 'waiting' ? undefined : await claimStep(app.db, id)
    await arrive(newer)
    if (was === 'refused') expect(await publish(key!, old)).toMatchObject({ kind: 'superseded' })
    rmSync(xml)
    expect(await arrive(newer)).toBe(old)
    writeFileSync(xml, text)
    const steps = await untried()
    expect(steps).toHaveLength(was === 'running' ? 0 : 1)
    const last = key !== undefined && was === 'running' ? key : await claimStep(app.db, steps[0] ?? 0)
    expect(await publish(last, old)).toEqual({ kind: 'published' })
    expect(await productOf(app.db, NAME)).toMatchObject({ acquisition_id: old, stale_since: null })
    expect(await untried()).toEqual([])
  }
})

/** Runs a claim as a step process does, with a processor that leaves one file. */
async function attempt(key: { id: number; attempt: number }, work: () => Promise<unknown>) {
  const home = temporaryFolder('superseded-roots')
  for (const name of ['archive', 'scratch', 'l1']) mkdirSync(join(home, name))
  let begun = false
  const run = async (context: StepContext): Promise<StepResult> => {
    begun = true
    await work()
    const made = join(context.stagingDir, 'out')
    mkdirSync(made)
    writeFileSync(join(made, 'B02_sre.tif'), 'pixels')
    const { acquisition_id: acquisitionId } = context.params as { acquisition_id: number }
    return { products: [{ ...l2aRow(acquisitionId), provenance: { parameters: {} }, folder: made }] as never }
  }
  const ended = await new Attempt(key, {
    store: createStepStore(app.db),
    proveRoots: () =>
      Promise.resolve({
        archive: join(home, 'archive'),
        scratch: join(home, 'scratch'),
        l1: join(home, 'l1'),
      }),
    loadProcessor: () => Promise.resolve(run),
    toolsFile: join(home, 'external.json'),
  }).run()
  const place = join(home, 'archive', 'L2A', '31TCJ', '2025', '05', NAME)
  return {
    begun,
    outcome: ended.outcome,
    code: ended.error?.code,
    files: existsSync(place) ? readdirSync(place) : [],
    left: readdirSync(join(home, 'scratch')),
  }
}

test('a process whose product is refused leaves no folder, and ends its step so', async () => {
  const old = await arrive(older)
  const key = await claimStep(app.db, await plan(old))
  expect(await attempt(key, () => arrive(newer))).toEqual({
    ...{ begun: true, outcome: 'cancelled', code: 'SUPERSEDED', files: [], left: [] },
  })
  expect(await endOf(key.id)).toMatchObject(SUPERSEDED)
})

test('a step that was planned while its acquisition was being superseded, or is tried again after, does not begin', async () => {
  const old = await arrive(older)
  await publish(await claimStep(app.db, await plan(old)), old)
  const before = await productOf(app.db, NAME)
  const id = await app.db.transaction().execute(async (trx) => {
    const { stepIds } = await createL2aJobRows(trx, {
      ...{ acquisitionIds: [old], force: true, createdBy: 'test' },
    })
    await ingestPaths(other, [newer], { copy: false })
    return stepIds[0] ?? 0
  })
  expect((await stepOf(app.db, id)).state).toBe('ready')
  const nothing = { begun: false, outcome: 'cancelled', code: 'SUPERSEDED', files: [], left: [] }
  expect(await attempt(await claimStep(app.db, id), () => Promise.resolve())).toEqual(nothing)
  expect(await endOf(id)).toMatchObject(SUPERSEDED)
  expect(await retrySteps(app.db, { step: id })).toBe(1)
  expect(await attempt(await claimStep(app.db, id), () => Promise.resolve())).toEqual(nothing)
  expect(await jobOf(id)).toBe('succeeded')
  expect(await productOf(app.db, NAME)).toMatchObject({ step_id: before.step_id, revision: 1 })
})

test('what is made of the older product never replaces what is made of the newer: an old step that is tried again is refused', async () => {
  const old = await publishProduct(app.db, NAME)
  const request = { products: [NAME], createdBy: 'test' }
  const [late = 0] = (await createNdviJob(app.db, request)).stepIds
  const failure = { code: 'WRITE_FAILED', failure: 'permanent' as const, message: 'm', lastLines: [] }
  await failStep(app.db, await claimStep(app.db, late), failure, () => ({ kind: 'fail' }), {})
  await publishProduct(app.db, NAME)
  const [step = 0] = (await createNdviJob(app.db, request)).stepIds
  const made = await finishConsumer(app.db, step)
  expect(made).toMatchObject({ revision: 1, stale_since: null })
  await retrySteps(app.db, { step: late })
  const row = productRow(made.name, { processor: 'ndvi' })
  const answer = await completeStep(app.db, await claimStep(app.db, late), [row], {})
  const reason = `superseded by ${made.name}, which is made of revision 2 of ${NAME} and not of ${old.revision}`
  expect(answer).toEqual({ kind: 'superseded', reason })
  expect(await productOf(app.db, made.name)).toEqual(made)
  expect(await endOf(late)).toMatchObject({ state: 'cancelled', code: 'SUPERSEDED', message: reason })
  expect((await createNdviJob(app.db, { ...request, untried: true })).stepIds).toEqual([])
})
