import { afterAll, beforeAll, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { claimReadySteps } from '../../src/db/steps/claim-ready-steps.js'
import { completeStep } from '../../src/db/steps/complete-step.js'
import { failStep } from '../../src/db/steps/end-attempt.js'
import { settleEnds } from '../../src/db/steps/settle-ends.js'
import { SettingSnapshots } from '../../src/db/steps/setting-snapshots.js'
import { readJobReport } from '../../src/scheduler/job-report/read-job-report.js'
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

test('a job in a cluster has the slots of the nodes that it ran on, whatever the host has that handed it over', async () => {
  const { id: job, stepIds } = await insertSteps(app.db, [{}, {}, {}])
  await app.db.updateTable('step').set({ executor: 'slurm' }).where('id', 'in', stepIds).execute()
  const settingsId = await new SettingSnapshots(app.db).idOf({
    'executor.cpu_slots': { value: 64, origin: { kind: 'default' } },
  })
  const program = { program: '1', schema: '1', memory_mb: 1000, heartbeat_s: 5 }
  for (const [name, slots] of [['head', 0], ['n1', 2], ['n2', 4], ['n3', 16]] as const) // prettier-ignore
    await app.db.insertInto('node').values({ ...program, name, slots, executor: 'slurm', host: 'h' }).execute() // prettier-ignore
  for (const [i, id] of stepIds.entries()) {
    const claims = await claimReadySteps(app.db, {
      ...{ executor: 'slurm', node: 'head', pid: 1, leaseSeconds: 60 },
      grants: [{ id, threads: 1, settingsId }],
    })
    // As the element of the array does when it begins the step; two of the three on one node.
    await app.db.updateTable('step').set({ node: i === 0 ? 'n1' : 'n2' }).where('id', '=', id).execute() // prettier-ignore
    await completeStep(app.db, claims[0] ?? { id, attempt: 0 }, [], { cpu_s: 4, wall_s: 4 })
  }
  await settleEnds(app.db)
  const lines: string[] = []
  await tellEndedJobs(app.db, stepIds, new Set(), { info: (line) => lines.push(line) })
  expect(lines).toEqual([expect.stringMatching(/ on 6 slots \(efficiency \d+ %\)/) as string])
  const { times } = await readJobReport(app.db, job)
  expect(times.slots).toBe(6)
})
