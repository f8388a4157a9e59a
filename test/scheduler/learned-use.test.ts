import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { formatStep } from '../../src/cli/format-queue.js'
import { claimReadySteps } from '../../src/db/steps/claim-ready-steps.js'
import { completeStep } from '../../src/db/steps/complete-step.js'
import { listReadySteps } from '../../src/db/steps/list-ready-steps.js'
import { listRunningSteps } from '../../src/db/steps/list-running-steps.js'
import { grantOf, Granter } from '../../src/scheduler/granter.js'
import { showStep } from '../../src/scheduler/queue-view.js'
import { readSettings } from '../../src/scheduler/settings-in-force.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { insertSteps, setSetting } from '../support/queue.js'

const SIZE = '13 bands, 2^29 pixels'
const DECLARED = { memoryMb: 3000, scratchMb: 200, ioWeight: 2, cpu: 4 }
/** What one step has used: 1.2 threads busy, 5 GB moved in 100 s, 10 of them spent waiting. */
const USED = {
  ...{ wall_s: 100, cpu_s: 120, max_rss_kb: 1024 * 1024, disk_mb: 800 },
  ...{ read_bytes: 2e9, written_bytes: 3e9, io_wait_s: 10 },
}
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
  await setSetting(app.db, 'resources.min_samples', 2)
})

const claim = async (id: number, granted?: object) => {
  const [claimed] = await claimReadySteps(app.db, {
    ...{ executor: 'local', node: 'here', pid: 1, leaseSeconds: 60 },
    grants: [{ id, threads: 1, settingsId: 0, ...(granted === undefined ? {} : { granted }) }],
  })
  return claimed ?? { id, attempt: 0 }
}
/** Steps of one class that have used this, then one more that is ready: what it is granted. */
async function grantedAfter(used: readonly object[]) {
  const { stepIds } = await insertSteps(
    app.db,
    used.map(() => ({})),
    { ...DECLARED, sizeClass: SIZE },
  )
  for (const [i, id] of stepIds.entries()) await completeStep(app.db, await claim(id), [], used[i] ?? {})
  const next = await insertSteps(app.db, [{}], { ...DECLARED, sizeClass: SIZE })
  const ready = await listReadySteps(app.db, { executor: 'local', limit: 10 })
  const granted = await new Granter().grant(app.db, ready, await readSettings(app.db), 'local')
  const id = next.stepIds[0] ?? 0
  return { id, ...grantOf(granted, { id }) }
}

describe('what recent steps of a size have used corrects', () => {
  test('memory, disk, I/O weight and threads, each with the same quantile and margin', async () => {
    const less = { ...USED, max_rss_kb: 1024, disk_mb: 8, read_bytes: 2e6, written_bytes: 0, cpu_s: 90 }
    const { id, ...granted } = await grantedAfter([less, USED, less])
    // x 1.25: 1024 MiB, 800 MiB, 5000 MB / 125 MB/s / 100 s = 0.4 threads that only read and write, 1.2 threads busy.
    expect(granted).toMatchObject({ memory_mb: 1280, disk_mb: 1000, io_weight: 0.5, cpu: 2 })
    await claim(id, granted)
    expect(await listRunningSteps(app.db)).toMatchObject([
      // What it may still write is what such steps wrote, but its limit is counted from what it declares.
      { id, memoryMb: 1280, diskMb: 1000, declaredDiskMb: 200, ioWeight: 0.5, usableThreads: 2 },
    ])
    const page = formatStep(
      await showStep(app.db, id, { node: app.config.node, proveRoots: () => Promise.resolve({}) }),
    )
    expect(page).toMatch(/\ndisk +1000 MiB admitted \(learned; 200 MiB declared\)/)
    expect(page).toMatch(/\nI\/O weight +0\.5 admitted \(learned; 2 declared\)/)
    expect(page).toMatch(/\nthreads +1, such steps make use of 2, 4 declared/)
  })

  test('I/O weight by the time waited where that says more than the bytes', async () => {
    const waits = { ...USED, io_wait_s: 80 }
    expect(await grantedAfter([waits, waits])).toMatchObject({ io_weight: 1 })
    await setSetting(app.db, 'resources.io_mb_s', 25)
    expect(await grantedAfter([waits, waits])).toMatchObject({ io_weight: 2.5 })
  })

  test('threads by one more than steps had that kept all of theirs busy: few slots do not hold them back for ever', async () => {
    const busy = (threads: number) => ({ ...USED, cpu_s: 95 * threads })
    for (const [threads, cpu] of [
      [1, 2],
      [2, 3],
      [3, 4],
    ] as const) {
      // prettier-ignore
      await app.db.deleteFrom('job').execute()
      expect(await grantedAfter([busy(threads), busy(threads)])).toMatchObject({ cpu })
    }
  })

  test('nothing that nobody could measure: no file seen, no storage touched, no wait accounted', async () => {
    const unseen = { ...USED, disk_mb: 0, read_bytes: 0, written_bytes: 0, io_wait_s: null }
    expect(await grantedAfter([unseen, unseen])).toMatchObject({
      ...{ memory_mb: 1280, disk_mb: DECLARED.scratchMb, io_weight: DECLARED.ioWeight },
    })
  })

  test('nothing after too few steps or with learning switched off', async () => {
    const asDeclared = {
      id: expect.any(Number) as number,
      memory_mb: 3000,
      disk_mb: 200,
      io_weight: 2,
      memory_from: 'declared',
    }
    expect(await grantedAfter([USED])).toEqual(asDeclared)
    await setSetting(app.db, 'resources.learn', false)
    expect(await grantedAfter([USED, USED])).toEqual(asDeclared)
  })
})
