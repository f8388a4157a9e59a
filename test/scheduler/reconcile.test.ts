import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { claimReadySteps } from '../../src/db/steps/claim-ready-steps.js'
import { completeStep } from '../../src/db/steps/complete-step.js'
import { reconcile } from '../../src/scheduler/reconcile.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { insertSteps, stepOf } from '../support/queue.js'

let database: TestDatabase
let app: App
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
})
afterAll(() => database.close())
beforeEach(async () => {
  await app.db.deleteFrom('product').execute()
  await app.db.deleteFrom('job').execute()
})

const NAME = 'S2A_L2A_31TCJ_20260101T000000_R051'
const HOUR = 3600
const sweep = () =>
  reconcile(app.db, { executor: 'local', node: app.config.host, roots: app.config.roots, sweepGraceS: HOUR })
/** A folder with one file, last changed `ageS` seconds ago. */
function folder(path: string, ageS: number): string {
  mkdirSync(path, { recursive: true })
  writeFileSync(join(path, 'B02_sre.tif'), 'pixels')
  const at = Date.now() / 1000 - ageS
  utimesSync(path, at, at)
  return path
}
const revision = (key: string, ageS: number) =>
  folder(join(app.config.roots.archive, 'L2A', '31TCJ', '2026', '01', NAME, `r${key}`), ageS)
/** A step that has had one attempt, its job made ten hours ago. */
async function attempted(pid = process.pid): Promise<number> {
  const { id: job, stepIds } = await insertSteps(app.db, [{}])
  await app.db
    .updateTable('job')
    .set({ created_at: new Date(Date.now() - 10 * HOUR * 1000) })
    .where('id', '=', job)
    .execute()
  const grants = [{ id: stepIds[0]!, threads: 1, settings: {} }]
  await claimReadySteps(app.db, { executor: 'local', node: app.config.host, pid, leaseSeconds: 60, grants })
  return stepIds[0]!
}
const release = (id: number) =>
  app.db
    .updateTable('step')
    .set({ state: 'ready', lease_expires_at: null, pid: null, threads: null })
    .where('id', '=', id)
    .execute()

test('a revision that no product names goes after the grace period, not before, and never while its attempt runs', async () => {
  const id = await attempted()
  const path = revision(`${id}-1`, 2 * HOUR)
  expect((await sweep()).removed).toEqual([])
  await release(id)
  revision(`${id}-1`, HOUR / 2)
  expect((await sweep()).removed).toEqual([])
  revision(`${id}-1`, 2 * HOUR)
  expect((await sweep()).removed).toEqual([path])
  expect(existsSync(path)).toBe(false)
})

test('a revision that a product names stays, however old', async () => {
  const id = await attempted()
  const path = revision(`${id}-1`, 5 * HOUR)
  const product = {
    name: NAME,
    level: 'L2A',
    processor: 'l2a',
    processorVersion: 1,
    satellite: 's2' as const,
    platform: 'S2A',
    tile: '31TCJ',
    sensedAt: '2026-01-01T00:00:00Z',
    relativeOrbit: 51,
    acquisitionId: null,
    location: `archive:L2A/31TCJ/2026/01/${NAME}/r${id}-1`,
    bbox: null,
    provenance: {},
  }
  expect(await completeStep(app.db, { id, attempt: 1 }, [product], {})).toBe(true)
  expect((await sweep()).removed).toEqual([])
  expect(existsSync(path)).toBe(true)
})

test('revisions of another database stay: of unknown steps, of attempts never made, from before the job', async () => {
  const id = await attempted()
  await release(id)
  const others = [
    revision('900000-1', 2 * HOUR),
    revision(`${id}-2`, 2 * HOUR),
    revision(`${id}-1`, 20 * HOUR),
  ]
  expect((await sweep()).removed).toEqual([])
  expect(others.map((path) => existsSync(path))).toEqual([true, true, true])
})

test('staging and scratch of dead attempts go at once, those of running ones stay, and a dead process gives its step back', async () => {
  const running = await attempted()
  // Process ids end at 4194304: this one cannot be alive.
  const dead = await attempted(4_194_305)
  const { archive, scratch } = app.config.roots
  const kept = [
    folder(join(archive, '.staging', `${running}-1`), 0),
    folder(join(scratch, `step-${running}-1`), 0),
  ]
  const gone = [folder(join(archive, '.staging', `${dead}-1`), 0), folder(join(scratch, `step-${dead}-1`), 0)]
  const stranger = folder(join(scratch, 'notes of a user'), 0)
  const { released, removed } = await sweep()
  expect(released).toEqual([{ id: dead, attempt: 1 }])
  expect([...removed].sort()).toEqual([...gone].sort())
  expect([...kept, stranger].every((path) => existsSync(path))).toBe(true)
  expect(await stepOf(app.db, dead)).toMatchObject({ state: 'ready', failures: 0 })
  expect(await stepOf(app.db, running)).toMatchObject({ state: 'running' })
})
