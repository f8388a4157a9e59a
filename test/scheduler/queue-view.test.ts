import { afterAll, beforeAll, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { claimReadySteps } from '../../src/db/steps/claim-ready-steps.js'
import { getNode } from '../../src/scheduler/nodes.js'
import { queueStatus } from '../../src/scheduler/queue-view.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { insertSteps } from '../support/queue.js'

let database: TestDatabase
let app: App
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
})
afterAll(() => database.close())

test('the memory of a queue and of a node is what running steps were admitted with, else what they declare', async () => {
  const { stepIds } = await insertSteps(app.db, [{}, {}, {}], { memoryMb: 3000 })
  const [learned = NaN, declared = NaN] = stepIds
  await app.db
    .insertInto('node')
    .values({
      ...{ name: 'here', executor: 'local', host: 'here', slots: 4, memory_mb: 8000 },
      ...{ program: '1', schema: '1', heartbeat_s: 5 },
    })
    .execute()
  await claimReadySteps(app.db, {
    ...{ executor: 'local', node: 'here', pid: 1, leaseSeconds: 60 },
    grants: [
      { id: learned, threads: 1, settingsId: 0, granted: { memory_mb: 700 } },
      { id: declared, threads: 1, settingsId: 0 },
    ],
  })
  expect(await queueStatus(app.db)).toMatchObject({ memoryAdmittedMb: 3700, threadsGranted: 2 })
  expect(await getNode(app.db, 'here')).toMatchObject({ memoryTakenMb: 3700, runningSteps: 2 })
})
