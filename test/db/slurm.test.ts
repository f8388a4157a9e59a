import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { beginLoad, type ElementRun } from '../../src/db/slurm/begin-load.js'
import { insertBatch } from '../../src/db/slurm/insert-batch.js'
import { listOpenLoads } from '../../src/db/slurm/list-open-loads.js'
import { claimReadySteps } from '../../src/db/steps/claim-ready-steps.js'
import { completeStep } from '../../src/db/steps/complete-step.js'
import { renewLease } from '../../src/db/steps/renew-lease.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { insertSteps, setSetting, stepOf } from '../support/queue.js'

let database: TestDatabase
let app: App
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
})
afterAll(() => database.close())
beforeEach(async () => {
  await app.db.deleteFrom('job').execute()
  await app.db.deleteFrom('setting').execute()
  await app.db.deleteFrom('site').where('parent_id', 'is not', null).execute()
  await app.db.deleteFrom('site').execute()
})

/** Steps claimed for Slurm and carried, all in one element. */
async function carried(count: number): Promise<{ run: ElementRun; ids: number[] }> {
  await setSetting(app.db, 'executor.kind', 'slurm')
  const { stepIds } = await insertSteps(
    app.db,
    Array.from({ length: count }, () => ({})),
  )
  const claims = await claimReadySteps(app.db, {
    ...{ executor: 'slurm', node: 'head:slurm', pid: 1, leaseSeconds: 5 },
    grants: stepIds.map((id) => ({ id, threads: 2, settingsId: 0 })),
  })
  const batchId = await insertBatch(app.db, {
    ...{ cluster: 'c', submittedBy: 'head:slurm', request: {}, waitLeaseS: 3600 },
    loads: claims.map(({ id, attempt }, place) => ({ element: 0, place, id, attempt })),
  })
  return {
    run: { batchId, element: 0, run: 0, node: 'n1', pid: 10, leaseSeconds: 30, jobId: 5 },
    ids: stepIds,
  }
}
const begunOf = (begun: Awaited<ReturnType<typeof beginLoad>>) =>
  begun.kind === 'begun' ? begun.claim : begun.kind

test('claims that wait keep their attempt and get a long lease; each is begun once, in order', async () => {
  const { run, ids } = await carried(2)
  const { lease_expires_at } = await stepOf(app.db, ids[0]!)
  expect(new Date(lease_expires_at!).getTime()).toBeGreaterThan(Date.now() + 3_000_000)
  expect(begunOf(await beginLoad(app.db, run))).toMatchObject({ id: ids[0], attempt: 1, threads: 2 })
  expect(await stepOf(app.db, ids[0]!)).toMatchObject({ node: 'n1', pid: 10, state: 'running', attempt: 1 })
  expect(begunOf(await beginLoad(app.db, run))).toMatchObject({ id: ids[1], attempt: 1 })
  expect(begunOf(await beginLoad(app.db, run))).toBe('done')
})

test('a requeued element takes over under a new attempt; the old run can write nothing and is told to end', async () => {
  const { run, ids } = await carried(2)
  await beginLoad(app.db, run)
  const again = { ...run, run: 1, node: 'n2', pid: 20 }
  const taken = await beginLoad(app.db, again)
  expect(taken).toMatchObject({ kind: 'begun', claim: { id: ids[0], attempt: 2 }, replaced: 1 })
  const old = { id: ids[0]!, attempt: 1 }
  const beat = { leaseSeconds: 30, pid: 10, progress: 0.9, note: '', resources: {} }
  expect(await renewLease(app.db, old, beat)).toBeUndefined()
  expect(await completeStep(app.db, old, [], {})).toEqual({ kind: 'lost' })
  expect(begunOf(await beginLoad(app.db, run))).toBe('superseded')
  // What the old run had not begun is continued as it was claimed.
  expect(begunOf(await beginLoad(app.db, again))).toMatchObject({ id: ids[1], attempt: 1 })
  expect(await completeStep(app.db, { id: ids[0]!, attempt: 2 }, [], {})).toEqual({ kind: 'published' })
  const events = await app.db
    .selectFrom('step_history')
    .select(['kind', 'attempt'])
    .where('step_id', '=', ids[0]!)
    .orderBy('id')
    .execute()
  expect(events.map(({ kind, attempt }) => `${kind} ${attempt}`)).toEqual([
    'claimed 1',
    'begun 1',
    'released 1',
    'claimed 2',
    'succeeded 2',
  ])
})

test('two runs of one element that begin at the same moment never run one attempt both', async () => {
  const { run } = await carried(6)
  const seen: string[] = []
  const work = async (own: ElementRun) => {
    for (;;) {
      const begun = await beginLoad(app.db, own)
      if (begun.kind !== 'begun') return
      seen.push(`${begun.claim.id}-${begun.claim.attempt}`)
    }
  }
  await Promise.all([work(run), work({ ...run, run: 1, pid: 20 })])
  expect(new Set(seen).size).toBe(seen.length)
  const rows = await listOpenLoads(app.db, 'c')
  expect(rows.every(({ isHeld, begunRun }) => isHeld && begunRun === 1)).toBe(true)
})

test('a cancelled and a paused claim are not begun', async () => {
  const { run, ids } = await carried(1)
  await app.db.updateTable('step').set({ cancel_requested: true }).where('id', '=', ids[0]!).execute()
  expect(await beginLoad(app.db, run)).toMatchObject({ kind: 'refused', reason: 'cancelled' })
  await app.db.updateTable('step').set({ cancel_requested: false }).where('id', '=', ids[0]!).execute()
  await app.db.updateTable('job').set({ paused: true }).execute()
  expect(await beginLoad(app.db, run)).toMatchObject({ kind: 'refused', reason: 'paused' })
})

test('which executor takes a step: the processor’s setting before executor.kind, the nearest site first, and at once', async () => {
  const site = async (slug: string, parent: number | null) =>
    (
      await app.db
        .insertInto('site')
        .values({ slug, name: slug, parent_id: parent, geometry: '{}', bbox: '((1,1),(0,0))' })
        .returning('id')
        .executeTakeFirstOrThrow()
    ).id
  const region = await site('region', null)
  const field = await site('field', region)
  const executors = async () =>
    (await app.db.selectFrom('step').select('executor').orderBy('id').execute())
      .map(({ executor }) => executor)
      .join(' ')
  for (const siteId of [undefined, region, field])
    await insertSteps(app.db, [{}], siteId === undefined ? {} : { siteId })
  expect(await executors()).toBe('local local local')
  await setSetting(app.db, 'executor.kind', 'slurm', region)
  expect(await executors()).toBe('local slurm slurm')
  await setSetting(app.db, 'executor.kind', 'local', field)
  expect(await executors()).toBe('local slurm local')
  await insertSteps(app.db, [{}, {}], { siteId: region })
  expect(await executors()).toBe('local slurm local slurm slurm')
  await setSetting(app.db, 'processor.l2a.executor', 'slurm')
  expect(await executors()).toBe('slurm slurm slurm slurm slurm')
  await setSetting(app.db, 'processor.l2a.executor', 'inherit')
  expect(await executors()).toBe('local slurm local slurm slurm')
  await app.db.deleteFrom('setting').execute()
  expect(await executors()).toBe('local local local local local')
})
