import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { App } from '../../../src/app.js'
import { listSteps } from '../../../src/db/jobs/list-steps.js'
import { retrySteps } from '../../../src/db/steps/change-steps.js'
import { queueSummary } from '../../../src/db/steps/queue-summary.js'
import { settleEnds } from '../../../src/db/steps/settle-ends.js'
import { createTestDatabase, type TestDatabase } from '../../support/database.js'
import { insertSteps } from '../../support/queue.js'

let database: TestDatabase
let app: App
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
})
afterAll(() => database.close())

const end = async (ids: readonly number[], state: string) => {
  await sql`
    with ended as (
      update step set state = ${state}::step_state, error_code = 'X', ended_at = now(), resources = '{"wall_s": 4}'
      where id = any(${ids}::bigint[]) returning id)
    insert into step_ended (step_id) select id from ended`.execute(app.db)
  await settleEnds(app.db)
}
const summary = () => queueSummary(app.db, { executor: 'local' })

test('counts are of all jobs, ended and active; an ended job that is retried is counted as it is then', async () => {
  expect(await summary()).toMatchObject({ counts: {}, open: 0, meanWallS: null })
  const first = await insertSteps(app.db, [{}, {}, {}])
  await end(first.stepIds.slice(0, 2), 'succeeded')
  expect(await summary()).toMatchObject({ counts: { ready: 1, succeeded: 2 }, open: 1, meanWallS: 4 })
  await end(first.stepIds.slice(2), 'failed')
  const second = await insertSteps(app.db, [{}, {}])
  await sql`update job set paused = true where id = ${second.id}`.execute(app.db)
  expect(await summary()).toMatchObject({
    ...{ counts: { ready: 2, succeeded: 2, failed: 1 }, open: 0, meanWallS: 4 },
  })
  await retrySteps(app.db, { job: first.id })
  expect(await summary()).toMatchObject({ counts: { ready: 3, succeeded: 2 }, open: 1 })
  await end(first.stepIds.slice(2), 'succeeded')
  expect((await summary()).counts).toEqual({ ready: 2, succeeded: 3 })
})

test('steps of jobs that ended long ago are not read, however many they are', async () => {
  const { id, stepIds } = await insertSteps(app.db, [{}])
  await sql`
    insert into step (task_id, job_id, processor, state, ended_at)
    select task_id, job_id, processor, 'succeeded', now() - interval '2 hours' from step, generate_series(1, 20000)
    where id = ${stepIds[0]!}`.execute(app.db)
  await end(stepIds, 'succeeded')
  await sql`update job set ended_at = now() - interval '2 hours' where id = ${id}`.execute(app.db)
  const { stepIds: open } = await insertSteps(app.db, [{}, {}])
  await sql`update step set state = 'running', lease_expires_at = now() where id = ${open[0]!}`.execute(
    app.db,
  )
  await sql`analyze`.execute(app.db)
  const read = () =>
    app.db.connection().execute(async (one) => {
      const rows = async () => {
        await sql`select pg_stat_force_next_flush()`.execute(one)
        const { rows } = await sql<{ n: number }>`
          select (seq_tup_read + idx_tup_fetch)::float8 as n from pg_stat_user_tables where relname = 'step'`.execute(
          one,
        )
        return rows[0]!.n
      }
      await rows()
      const before = await rows()
      expect((await queueSummary(one, { executor: 'local' })).counts['succeeded']).toBeGreaterThan(20_000)
      expect(await listSteps(one, { states: ['running'], limit: 10_000 })).toHaveLength(1)
      await rows()
      return (await rows()) - before
    })
  expect(await read()).toBeLessThan(500)
})
