import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../../src/app.js'
import { cancelSteps, retrySteps } from '../../../src/db/steps/change-steps.js'
import { claimReadySteps, type Claim } from '../../../src/db/steps/claim-ready-steps.js'
import { completeStep, type ProductRow } from '../../../src/db/steps/complete-step.js'
import { cancelRunningStep, failStep, releaseSteps } from '../../../src/db/steps/end-attempt.js'
import { listExpired } from '../../../src/db/steps/list-expired.js'
import { listReadySteps } from '../../../src/db/steps/list-ready-steps.js'
import { notePlacing } from '../../../src/db/steps/note-placing.js'
import { renewLease } from '../../../src/db/steps/renew-lease.js'
import { settleEnds } from '../../../src/db/steps/settle-ends.js'
import { setStepThreads } from '../../../src/db/steps/set-step-threads.js'
import type { ClaimKey } from '../../../src/db/steps/queryable.js'
import { createTestDatabase, type TestDatabase } from '../../support/database.js'
import { insertSteps, stepOf } from '../../support/queue.js'

let database: TestDatabase
let app: App
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
})
afterAll(() => database.close())
beforeEach(async () => {
  await app.db.deleteFrom('product').execute()
  await app.db.deleteFrom('job').execute()
  await app.db.deleteFrom('site').execute()
})

const claim = async (ids: readonly number[], leaseSeconds = 30): Promise<Claim[]> =>
  claimReadySteps(app.db, {
    executor: 'local',
    node: 'here',
    pid: 1,
    leaseSeconds,
    grants: ids.map((id) => ({ id, threads: 2, settingsId: 0 })),
  })
const claimOne = async (id: number, leaseSeconds = 30): Promise<Claim> => {
  const [claimed] = await claim([id], leaseSeconds)
  if (claimed === undefined) throw new Error(`step ${id} was not claimed`)
  return claimed
}
const ready = async () =>
  (await listReadySteps(app.db, { executor: 'local', limit: 100 })).map(({ id }) => id)
const eventsOf = async (id: number) =>
  (
    await app.db
      .selectFrom('step_history')
      .select(['kind', 'attempt'])
      .where('step_id', '=', id)
      .orderBy('id')
      .execute()
  ).map(({ kind, attempt }) => `${kind} ${attempt}`)
const beat = { leaseSeconds: 30, pid: 1, progress: 0.5, note: '', resources: {} }
const product = (name: string, location: string): ProductRow => ({
  name,
  level: 'L2A',
  processor: 'l2a',
  processorVersion: 1,
  satellite: 's2',
  platform: 'S2A',
  tile: '31TCJ',
  sensedAt: '2026-01-01T00:00:00Z',
  relativeOrbit: 51,
  acquisitionId: null,
  location,
  bbox: [1, 43, 2, 44],
  provenance: {},
})
/** Completes a claim and draws what follows, as a step process and then a scheduler do. */
const finish = async (key: ClaimKey): Promise<void> => {
  expect(await completeStep(app.db, key, [], {})).toEqual({ kind: 'published' })
  await settleEnds(app.db)
}
const failure = { code: 'WRITE_FAILED', failure: 'transient' as const, message: 'm', lastLines: [] }
const retryNow = () => ({ kind: 'retry' as const, delayS: 0 })
const job = (id: number) =>
  app.db.selectFrom('job').selectAll().where('id', '=', id).executeTakeFirstOrThrow()

/** Makes each later step of a job wait for the one before it. */
async function chain(stepIds: readonly number[]): Promise<void> {
  for (const [i, id] of stepIds.slice(1).entries()) {
    await app.db.insertInto('step_dependency').values({ step_id: id, predecessor_id: stepIds[i]! }).execute()
    await app.db.updateTable('step').set({ state: 'blocked' }).where('id', '=', id).execute()
  }
}

test('steps come by priority, then by the time they became ready, then by id', async () => {
  const late = await insertSteps(app.db, [{}, {}], { priority: 100 })
  const urgent = await insertSteps(app.db, [{}], { priority: 1 })
  await app.db
    .updateTable('step')
    .set({ ready_at: sql<Date>`now() - interval '1 hour'` })
    .where('id', '=', late.stepIds[1]!)
    .execute()
  expect(await ready()).toEqual([urgent.stepIds[0], late.stepIds[1], late.stepIds[0]])
})

test('concurrent callers never claim the same step, and together they claim all', async () => {
  const { stepIds } = await insertSteps(
    app.db,
    Array.from({ length: 40 }, () => ({})),
  )
  const claimed = (await Promise.all(Array.from({ length: 12 }, () => claim(stepIds)))).flat()
  expect(claimed.map(({ id }) => id).sort((a, b) => a - b)).toEqual(stepIds)
  expect(claimed.every(({ attempt }) => attempt === 1)).toBe(true)
})

test('a step of a paused job, of a paused site and of a site below one is not taken', async () => {
  const site = (slug: string, parent: number | null, paused: boolean) =>
    app.db
      .insertInto('site')
      .values({ slug, name: slug, parent_id: parent, geometry: '{}', bbox: '(1,1),(0,0)', paused })
      .returning('id')
      .executeTakeFirstOrThrow()
  const parent = await site('parent', null, true)
  const child = await site('child', parent.id, false)
  const other = await site('other', null, false)
  const ofJob = await insertSteps(app.db, [{}], { siteId: other.id })
  await app.db.updateTable('job').set({ paused: true }).where('id', '=', ofJob.id).execute()
  await insertSteps(app.db, [{}], { siteId: parent.id })
  await insertSteps(app.db, [{}], { siteId: child.id })
  const free = await insertSteps(app.db, [{}], { siteId: other.id })
  expect(await ready()).toEqual(free.stepIds)
  // The job may be paused between a look at the queue and the claim; both are in one transaction for sites.
  const claimed = await claim([ofJob, free].flatMap(({ stepIds }) => stepIds))
  expect(claimed.map(({ id }) => id)).toEqual(free.stepIds)
})

test('the fence: no write of an older attempt changes anything', async () => {
  const {
    stepIds: [id],
  } = await insertSteps(app.db, [{}])
  const old = await claimOne(id!)
  await releaseSteps(app.db, { kind: 'claim', ...old }, 'test')
  const current = await claimOne(id!)
  expect(current.attempt).toBe(old.attempt + 1)
  const before = await stepOf(app.db, id!)
  expect(await renewLease(app.db, old, beat)).toBeUndefined()
  expect(await notePlacing(app.db, old, ['archive:a/r1-1'])).toBe(false)
  await setStepThreads(app.db, [{ ...old, threads: 7 }])
  expect(await completeStep(app.db, old, [product('A', 'archive:a/r1-1')], {})).toEqual({ kind: 'lost' })
  expect(await failStep(app.db, old, failure, retryNow, {})).toBe(false)
  expect(await cancelRunningStep(app.db, old, {})).toBe(false)
  expect(await releaseSteps(app.db, { kind: 'claim', ...old }, 'test')).toEqual([])
  expect(await stepOf(app.db, id!)).toEqual(before)
  expect(await app.db.selectFrom('product').select('id').execute()).toEqual([])
  expect(await app.db.selectFrom('placement').select('location').execute()).toEqual([])
  expect(await eventsOf(id!)).toEqual(['claimed 1', 'released 1', 'claimed 2'])
  expect(await renewLease(app.db, current, beat)).toEqual({ threads: 2, cancelRequested: false })
})

test('completing is one transaction: a product that is refused leaves the step running', async () => {
  const {
    stepIds: [id],
  } = await insertSteps(app.db, [{}])
  const key = await claimOne(id!)
  const broken = { ...product('B', 'archive:b/r1-1'), sensedAt: 'never' }
  await expect(completeStep(app.db, key, [product('A', 'archive:a/r1-1'), broken], {})).rejects.toThrow(
    /timestamp/,
  )
  expect(await stepOf(app.db, id!)).toMatchObject({ state: 'running', attempt: 1 })
  expect(await app.db.selectFrom('product').select('id').execute()).toEqual([])
})

test('asked again after a lost answer, completing says yes and changes nothing', async () => {
  const {
    id: jobId,
    stepIds: [id],
  } = await insertSteps(app.db, [{}])
  const key = await claimOne(id!)
  expect(await completeStep(app.db, key, [product('A', 'archive:a/r1-1')], { wall_s: 1 })).toEqual({
    kind: 'published',
  })
  const before = await stepOf(app.db, id!)
  expect(await completeStep(app.db, key, [product('A', 'archive:a/r1-1')], { wall_s: 2 })).toEqual({
    kind: 'published',
  })
  expect(await stepOf(app.db, id!)).toEqual(before)
  await settleEnds(app.db)
  expect((await job(jobId)).state).toBe('succeeded')
})

test('the history of a step cannot be changed or shortened, only removed together with it', async () => {
  const { id: job, stepIds } = await insertSteps(app.db, [{}])
  await claimOne(stepIds[0]!)
  await expect(app.db.updateTable('step_event').set({ kind: 'other' }).execute()).rejects.toThrow(
    'append-only',
  )
  await expect(app.db.deleteFrom('step_event').execute()).rejects.toThrow('append-only')
  for (const text of ['truncate step_event', 'truncate step, step_event cascade'])
    await expect(sql.raw(text).execute(app.db), text).rejects.toThrow('append-only')
  expect(await eventsOf(stepIds[0]!)).toEqual(['claimed 1'])
  await app.db.deleteFrom('job').where('id', '=', job).execute()
  expect(await eventsOf(stepIds[0]!)).toEqual([])
})

test('a claim that another transaction holds is waited for when it is given back by name', async () => {
  const key = await claimOne((await insertSteps(app.db, [{}])).stepIds[0]!)
  let release: Promise<unknown> = Promise.resolve()
  await app.db.transaction().execute(async (trx) => {
    await sql`select from step where id = ${key.id} for update`.execute(trx)
    release = releaseSteps(app.db, { kind: 'claim', ...key }, 'shutdown')
    await new Promise((resolve) => setTimeout(resolve, 100))
  })
  expect(await release).toEqual([{ id: key.id, attempt: 1 }])
})

test('a later step that makes the same product replaces its row', async () => {
  const { stepIds } = await insertSteps(app.db, [{}, {}])
  for (const id of stepIds)
    await completeStep(app.db, await claimOne(id), [product('A', `archive:a/r${id}-1`)], {})
  expect(
    await app.db.selectFrom('product').select(['name', 'location', 'step_id', 'bbox']).execute(),
  ).toEqual([
    { name: 'A', location: `archive:a/r${stepIds[1]!}-1`, step_id: stepIds[1], bbox: '(2,44),(1,43)' },
  ])
})

test('a lease that ran out gives the step back without counting a failure; one that holds is left alone', async () => {
  const { stepIds } = await insertSteps(app.db, [{}, {}])
  const lost = await claimOne(stepIds[0]!)
  const holding = await claimOne(stepIds[1]!)
  await app.db
    .updateTable('step')
    .set({ lease_expires_at: sql<Date>`now() - interval '1 ms'` })
    .where('id', '=', lost.id)
    .execute()
  expect(await listExpired(app.db)).toEqual([
    { id: lost.id, attempt: 1, expiredS: expect.closeTo(0, -2) as number },
  ])
  const keys = [lost, holding, { id: lost.id, attempt: 7 }]
  expect(await releaseSteps(app.db, { kind: 'expired', keys }, 'lease expired')).toEqual([
    { id: lost.id, attempt: 1 },
  ])
  expect(await stepOf(app.db, stepIds[0]!)).toMatchObject({
    state: 'ready',
    failures: 0,
    attempt: 1,
    lease_expires_at: null,
  })
  expect(await stepOf(app.db, stepIds[1]!)).toMatchObject({ state: 'running' })
})

test('a failure counts, waits for its time and asks for more memory when told so', async () => {
  const {
    stepIds: [id],
  } = await insertSteps(app.db, [{}], { memoryMb: 100 })
  const key = await claimOne(id!)
  let counted = 0
  await failStep(
    app.db,
    key,
    failure,
    ({ failures, grantedMb }) => {
      counted = failures
      return { kind: 'retry', delayS: 60, memory: { floorMb: grantedMb * 1.5, blockShrink: 1 } }
    },
    {},
  )
  expect(counted).toBe(1)
  const step = await stepOf(app.db, id!)
  expect(step).toMatchObject({
    state: 'ready',
    failures: 1,
    memory_mb: 100,
    memory_floor_mb: 150,
    block_shrink: 1,
    error_code: 'WRITE_FAILED',
    error_class: 'transient',
  })
  expect(step.ready_at.getTime() - Date.now()).toBeGreaterThan(50_000)
  expect(await ready()).toEqual([])
})

test('a successor becomes ready when its last predecessor succeeds, even when two end at once', async () => {
  for (let round = 0; round < 10; round++) {
    const {
      id: jobId,
      stepIds: [a, b, c],
    } = await insertSteps(app.db, [{}, {}, {}])
    for (const predecessor of [a!, b!])
      await app.db
        .insertInto('step_dependency')
        .values({ step_id: c!, predecessor_id: predecessor })
        .execute()
    await app.db.updateTable('step').set({ state: 'blocked' }).where('id', '=', c!).execute()
    const claims = await claim([a!, b!])
    await Promise.all(claims.map(finish))
    expect((await stepOf(app.db, c!)).state).toBe('ready')
    expect((await job(jobId)).state).toBe('active')
    await finish(await claimOne(c!))
    expect((await job(jobId)).state).toBe('succeeded')
  }
})

test('a job ends once, when its last steps end at the same moment', async () => {
  const { id: jobId, stepIds } = await insertSteps(
    app.db,
    Array.from({ length: 8 }, () => ({})),
  )
  const claims = await claim(stepIds)
  await Promise.all(claims.map(finish))
  expect(await job(jobId)).toMatchObject({ state: 'succeeded' })
})

test('steps behind a failed one are cancelled to the end of the chain, and retry brings all of them back', async () => {
  const { id: jobId, stepIds } = await insertSteps(app.db, [{}, {}, {}])
  await chain(stepIds)
  await failStep(
    app.db,
    await claimOne(stepIds[0]!),
    { ...failure, failure: 'permanent' },
    () => ({ kind: 'fail' }),
    {},
  )
  const states = async () => Promise.all(stepIds.map(async (id) => (await stepOf(app.db, id)).state))
  expect(await states()).toEqual(['failed', 'cancelled', 'cancelled'])
  expect((await job(jobId)).state).toBe('failed')
  expect(await retrySteps(app.db, { step: stepIds[0]! })).toBe(3)
  expect(await states()).toEqual(['ready', 'blocked', 'blocked'])
  expect(await job(jobId)).toMatchObject({ state: 'active', ended_at: null })
  for (const id of stepIds) await finish(await claimOne(id))
  expect((await job(jobId)).state).toBe('succeeded')
})

test('cancelling a job ends what waits, asks what runs, and a failure after that is not tried again', async () => {
  const { id: jobId, stepIds } = await insertSteps(app.db, [{}, {}, {}])
  await chain(stepIds)
  const key = await claimOne(stepIds[0]!)
  expect(await cancelSteps(app.db, { job: jobId })).toEqual({ cancelled: 2, asked: 1 })
  expect(await renewLease(app.db, key, beat)).toEqual({ threads: 2, cancelRequested: true })
  await failStep(app.db, key, failure, retryNow, {})
  expect((await stepOf(app.db, stepIds[0]!)).state).toBe('cancelled')
  expect((await job(jobId)).state).toBe('cancelled')
})

test('a failure is recorded whatever bytes its process has printed', async () => {
  const { stepIds } = await insertSteps(app.db, [{}])
  const { id, attempt } = await claimOne(stepIds[0]!)
  const failure = {
    code: 'STEP_KILLED',
    failure: 'transient' as const,
    message: 'Last lines: core \0\0 dump',
    lastLines: ['core \0 dump'],
  }
  expect(await failStep(app.db, { id, attempt }, failure, () => ({ kind: 'quarantine' }), {})).toBe(true)
  expect(await stepOf(app.db, id)).toMatchObject({
    state: 'quarantined',
    error_message: 'Last lines: core \uFFFD\uFFFD dump',
  })
})
