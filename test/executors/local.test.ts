import { afterAll, beforeAll, beforeEach } from 'vitest'
import type { App } from '../../src/app.js'
import { createLocalScheduler } from '../../src/cli/run-scheduler.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { setSetting, STEP_RUNS } from '../support/queue.js'
import { executorConforms } from './conformance.js'

let database: TestDatabase
let app: App

beforeAll(async () => {
  process.env['TILTH_TEST_PROCESSOR'] = STEP_RUNS
  database = await createTestDatabase()
  app = await database.open()
})
afterAll(() => database.close())
beforeEach(async () => {
  await app.db.deleteFrom('product').execute()
  await app.db.deleteFrom('job').execute()
  await app.db.deleteFrom('setting').execute()
  await setSetting(app.db, 'retry.backoff_s', 0)
  await setSetting(app.db, 'storage.min_free_mb', 0)
})

const log = { info: () => undefined, warn: () => undefined }
executorConforms({ app: () => app, scheduler: () => Promise.resolve(createLocalScheduler(app, log)) })
