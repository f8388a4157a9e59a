import { afterAll, beforeAll, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { moveClock } from '../../src/scheduler/schedules/clock.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'

let database: TestDatabase
let app: App
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
})
afterAll(() => database.close())

test('planning time can stand, run fast, and be the real time again', async () => {
  const at = new Date('2026-05-01T00:00:00Z')
  await moveClock(app.db, { at, speed: 0, real: false })
  expect(await moveClock(app.db, { real: false })).toEqual({ now: at, speed: 0 })
  const fast = await moveClock(app.db, { speed: 86_400, real: false })
  expect(fast.now.getTime()).toBeGreaterThanOrEqual(at.getTime())
  const before = (await moveClock(app.db, { real: false })).now.getTime()
  await new Promise((resolve) => setTimeout(resolve, 20))
  // 20 ms are at least 1700 s of planning time.
  expect((await moveClock(app.db, { real: false })).now.getTime() - before).toBeGreaterThan(1_700_000)
  const real = await moveClock(app.db, { real: true })
  expect(Math.abs(real.now.getTime() - Date.now())).toBeLessThan(60_000)
  expect(real.speed).toBeNull()
})
