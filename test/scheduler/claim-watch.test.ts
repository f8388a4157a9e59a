import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { claimReadySteps } from '../../src/db/steps/claim-ready-steps.js'
import { ClaimWatch } from '../../src/scheduler/claim-watch.js'
import type { Executor } from '../../src/scheduler/executor.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { insertSteps } from '../support/queue.js'

let database: TestDatabase
let app: App
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
})
afterAll(() => database.close())
beforeEach(async () => {
  await app.db.deleteFrom('job').execute()
})

/** One claim of this scheduler, its lease run out; tells which processes were killed for silence. */
async function expired() {
  const { stepIds } = await insertSteps(app.db, [{}])
  const [claim] = await claimReadySteps(app.db, {
    executor: 'local',
    node: 'here',
    pid: 1,
    leaseSeconds: 30,
    grants: stepIds.map((id) => ({ id, threads: 1, settingsId: 0 })),
  })
  await sql`update step set lease_expires_at = now() - interval '1 second'`.execute(app.db)
  const killed: number[] = []
  const executor = {
    running: () => [claim],
    killSilent: (id: number) => killed.push(id),
  } as unknown as Executor
  return { executor, killed, id: stepIds[0]! }
}

test('a process that lets its lease run out while its scheduler looks on is killed', async () => {
  const { executor, killed, id } = await expired()
  let seconds = 100
  const watch = new ClaimWatch(executor, () => seconds)
  await watch.reapExpired(app.db, 30)
  seconds += 2
  await watch.reapExpired(app.db, 30)
  expect(killed).toEqual([id, id])
})

test('after the machine was suspended step processes get the time to renew their leases', async () => {
  const { executor, killed, id } = await expired()
  let seconds = 100
  const watch = new ClaimWatch(executor, () => seconds)
  await sql`update step set lease_expires_at = now() + interval '30 seconds'`.execute(app.db)
  await watch.reapExpired(app.db, 30)
  seconds += 3600
  await sql`update step set lease_expires_at = now() - interval '1 hour'`.execute(app.db)
  await watch.reapExpired(app.db, 30)
  seconds += 2
  expect(await watch.reapExpired(app.db, 30)).toEqual([])
  expect(killed).toEqual([])
  expect(await app.db.selectFrom('step').select('state').where('id', '=', id).executeTakeFirst()).toEqual({
    state: 'running',
  })
})
