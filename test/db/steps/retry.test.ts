import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../../src/app.js'
import { retrySteps } from '../../../src/db/steps/change-steps.js'
import { claimReadySteps } from '../../../src/db/steps/claim-ready-steps.js'
import { completeStep } from '../../../src/db/steps/complete-step.js'
import { settleEnds } from '../../../src/db/steps/settle-ends.js'
import { createTestDatabase, type TestDatabase } from '../../support/database.js'
import { eventually, insertSteps, stepOf } from '../../support/queue.js'

let database: TestDatabase
let app: App
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
})
afterAll(() => database.close())
beforeEach(async () => {
  await app.db.deleteFrom('job').execute()
  await sql`delete from step_ended`.execute(app.db)
})

/** A job of so many steps, each behind the one before it. */
async function chain(length: number): Promise<{ job: number; steps: number[] }> {
  const { id, stepIds } = await insertSteps(
    app.db,
    Array.from({ length }, () => ({})),
  )
  for (const [i, step_id] of stepIds.entries())
    if (i > 0) {
      await app.db
        .insertInto('step_dependency')
        .values({ step_id, predecessor_id: stepIds[i - 1]! })
        .execute()
      await app.db.updateTable('step').set({ state: 'blocked' }).where('id', '=', step_id).execute()
    }
  return { job: id, steps: stepIds }
}
/** As the end of a step is committed, its consequences not drawn yet. */
async function end(id: number, state = 'failed'): Promise<void> {
  await sql`
    with failed as (
      update step set state = ${state}::step_state, lease_expires_at = null, error_code = 'X', ended_at = now() where id = ${id} returning id)
    insert into step_ended (step_id) select id from failed`.execute(app.db)
}
const states = (ids: readonly number[]) =>
  Promise.all(ids.map(async (id) => (await stepOf(app.db, id)).state as string))
const jobState = async (id: number) =>
  (await app.db.selectFrom('job').select('state').where('id', '=', id).executeTakeFirstOrThrow()).state
const waiters = async () =>
  (
    await sql<{ n: number }>`
      select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(
      app.db,
    )
  ).rows[0]?.n ?? 0
const someoneWaits = (n = 1) =>
  eventually(async () => (await waiters()) >= n, `${n} statements wait for a lock`)

/** Holds a row of `step` until `release` is called: whoever wants it stops there, what it has read before already read. */
async function hold(id: number): Promise<{ release(): Promise<void> }> {
  let letGo = (): void => undefined
  const isReleased = new Promise<void>((resolve) => {
    letGo = resolve
  })
  let taken = (): void => undefined
  const isTaken = new Promise<void>((resolve) => {
    taken = resolve
  })
  const over = app.db.transaction().execute(async (trx) => {
    await sql`select from step where id = ${id} for update`.execute(trx)
    taken()
    await isReleased
  })
  await isTaken
  return {
    release: async () => {
      letGo()
      await over
    },
  }
}

test('a retry that commits after the end of its job was looked at, and before it is written, keeps the job', async () => {
  const { id: job, stepIds: steps } = await insertSteps(app.db, [{}, {}])
  const other = await chain(2)
  await end(steps[0]!)
  await settleEnds(app.db)
  await end(steps[1]!, 'succeeded')
  await end(other.steps[0]!)
  // The successor of the other job stops the settling between its snapshot and its write of the jobs.
  const held = await hold(other.steps[1]!)
  const settled = settleEnds(app.db)
  await someoneWaits()
  expect(await retrySteps(app.db, { step: steps[0]! })).toBe(1)
  await held.release()
  await settled
  expect([await jobState(job), await states(steps)]).toEqual(['active', ['ready', 'succeeded']])
  expect([await jobState(other.job), await states(other.steps)]).toEqual(['failed', ['failed', 'cancelled']])
})

test('a retry behind an end of its job that is written and not committed opens the job again', async () => {
  const { job, steps } = await chain(1)
  await end(steps[0]!)
  let retried: Promise<number> | undefined
  await app.db.transaction().execute(async (trx) => {
    await settleEnds(trx)
    retried = retrySteps(app.db, { job })
    await someoneWaits()
  })
  expect(await retried).toBe(1)
  expect([await jobState(job), await states(steps)]).toEqual(['active', ['ready']])
})

test('a retry takes the successors with it that are being cancelled at this moment, or saves them from it', async () => {
  // Cancelled first, by who has not committed yet.
  const first = await chain(3)
  await end(first.steps[0]!)
  let retried: Promise<number> | undefined
  await app.db.transaction().execute(async (trx) => {
    await settleEnds(trx)
    retried = retrySteps(app.db, { step: first.steps[0]! })
    await someoneWaits()
  })
  expect(await retried).toBe(3)
  expect([await jobState(first.job), await states(first.steps)]).toEqual([
    'active',
    ['ready', 'blocked', 'blocked'],
  ])

  // Put back first, by who has not committed yet.
  const second = await chain(2)
  await end(second.steps[0]!)
  let settled: Promise<number> | undefined
  await app.db.transaction().execute(async (trx) => {
    await sql`select from step where id = ${second.steps[0]!} for update`.execute(trx)
    await sql`update step set state = 'ready', error_code = null, ended_at = null where id = ${second.steps[0]!}`.execute(
      trx,
    )
    await sql`update job set reopened = reopened + 1 where id = ${second.job}`.execute(trx)
    settled = settleEnds(app.db)
    await someoneWaits()
  })
  await settled
  expect([await jobState(second.job), await states(second.steps)]).toEqual(['active', ['ready', 'blocked']])
})

test('whatever the order of claims, ends, settling and retries: no job is over with an open step, and all jobs end', async () => {
  const jobs = await Promise.all(Array.from({ length: 12 }, (_, i) => chain(1 + (i % 3))))
  const all = jobs.flatMap(({ steps }) => steps)
  const wrong = async () =>
    (
      await sql<{ id: number }>`
        select id from job where state <> 'active' and exists (
          select from step where job_id = job.id and state in ('blocked', 'ready', 'running'))`.execute(
        app.db,
      )
    ).rows
  let isOver = false
  let retries = 0
  const work = async () => {
    while (!isOver) {
      const claims = await claimReadySteps(app.db, {
        ...{ executor: 'local', node: 'here', pid: 1, leaseSeconds: 30 },
        grants: all.map((id) => ({ id, threads: 1, settingsId: 0 })),
      })
      for (const { id } of claims) await end(id)
      await settleEnds(app.db)
    }
  }
  const retry = async () => {
    while (!isOver) for (const { job } of jobs) retries += await retrySteps(app.db, { job })
  }
  const look = async () => {
    while (!isOver) expect(await wrong()).toEqual([])
  }
  const running = [work(), work(), retry(), retry(), look()]
  const failed = Promise.race([
    ...running,
    eventually(() => Promise.resolve(retries > 400), '400 steps put back', 60_000),
  ])
  await failed.finally(() => {
    isOver = true
  })
  await Promise.all(running)

  // What is left is done for good: each job ends once, none is forgotten.
  for (const { job } of jobs) await retrySteps(app.db, { job })
  await eventually(async () => {
    const claims = await claimReadySteps(app.db, {
      ...{ executor: 'local', node: 'here', pid: 1, leaseSeconds: 30 },
      grants: all.map((id) => ({ id, threads: 1, settingsId: 0 })),
    })
    for (const key of claims) await completeStep(app.db, key, [], {})
    await settleEnds(app.db)
    return (await Promise.all(jobs.map(({ job }) => jobState(job)))).every((state) => state === 'succeeded')
  }, 'all jobs succeed')
})
