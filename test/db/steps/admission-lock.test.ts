import { sql } from 'kysely'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { App } from '../../../src/app.js'
import { isDatabaseAway } from '../../../src/domain/database-away.js'
import { withAdmissionLock } from '../../../src/db/steps/with-admission-lock.js'
import { createTestDatabase, type TestDatabase } from '../../support/database.js'

let database: TestDatabase
let app: App
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
})
afterAll(() => database.close())

test('a scheduler that stops in the midst of a round loses the lock, and takes it for a database that was away', async () => {
  let holds = (): void => undefined
  const held = new Promise<void>((resolve) => {
    holds = resolve
  })
  let wakes = (): void => undefined
  const woken = new Promise<void>((resolve) => {
    wakes = resolve
  })
  const stopped = withAdmissionLock(
    app.db,
    async (trx) => {
      holds()
      await woken
      await sql`select 1`.execute(trx)
    },
    200,
  ).catch((error: unknown) => error)
  await held
  const other = withAdmissionLock(app.db, () => Promise.resolve('admitted'))
  expect(await Promise.race([other, wait(20_000, 'waits for ever')])).toBe('admitted')
  wakes()
  expect(isDatabaseAway(await stopped)).toBe(true)
  // Rounds after it work, on whatever connection.
  expect(await withAdmissionLock(app.db, () => Promise.resolve('again'))).toBe('again')
})
