import { afterAll, beforeAll, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { claimReadySteps } from '../../src/db/steps/claim-ready-steps.js'
import { completeStep } from '../../src/db/steps/complete-step.js'
import { failStep } from '../../src/db/steps/end-attempt.js'
import { settleEnds } from '../../src/db/steps/settle-ends.js'
import { tellEndedJobs } from '../../src/scheduler/job-report/tell-ended-jobs.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { insertSteps } from '../support/queue.js'

let database: TestDatabase
let app: App
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
})
afterAll(() => database.close())

test('the end of a job is told once, with the CPU time that failed attempts of all its steps cost', async () => {
  const { id: job, stepIds } = await insertSteps(app.db, [{}, {}])
  const claim = async (id: number) => {
    const [claimed] = await claimReadySteps(app.db, {
      ...{ executor: 'local', node: 'here', pid: 1, leaseSeconds: 60 },
      grants: [{ id, threads: 1, settingsId: 0 }],
    })
    return claimed ?? { id, attempt: 0 }
  }
  const failure = { code: 'DISK_FULL', failure: 'resource' as const, message: 'full', lastLines: [] }
  for (const id of stepIds)
    for (const cpu_s of [2.5, undefined, 1])
      await failStep(app.db, await claim(id), failure, () => ({ kind: 'retry', delayS: 0 }), { cpu_s })
  for (const id of stepIds) await completeStep(app.db, await claim(id), [], { cpu_s: 4, wall_s: 4 })
  await settleEnds(app.db)
  const lines: string[] = []
  const told = new Set<string>()
  for (let round = 0; round < 2; round++)
    await tellEndedJobs(app.db, stepIds, told, { info: (line) => lines.push(line) })
  expect(lines).toEqual([
    expect.stringMatching(
      new RegExp(`^job ${job} succeeded: .*, 7\\.0 s CPU lost in failed attempts`),
    ) as string,
  ])
})
