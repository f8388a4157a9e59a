import { sql } from 'kysely'
import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { releaseSteps } from '../../src/db/steps/end-attempt.js'
import { claimReadySteps } from '../../src/db/steps/claim-ready-steps.js'
import { completeStep } from '../../src/db/steps/complete-step.js'
import { notePlacing } from '../../src/db/steps/note-placing.js'
import { releaseDeadClaims, sweepAttemptFolders, sweepRevisions } from '../../src/scheduler/reconcile.js'
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
  await app.db.deleteFrom('placement').execute()
  await app.db.deleteFrom('former_revision').execute()
  await app.db.deleteFrom('job').execute()
})

const NAME = 'S2A_L2A_31TCJ_20260101T000000_R051'
const HOUR = 3600
/** Process ids end at 4194304: this one cannot be alive. */
const DEAD = 4_194_305
const sweep = () => sweepRevisions(app.db, { archive: app.config.roots.archive, graceS: HOUR })
const locationOf = (key: string) => `archive:L2A/31TCJ/2026/01/${NAME}/r${key}`
/** A folder with one file, dated far into the future or past: no clock of a file system may matter. */
function folder(path: string, years = 0): string {
  mkdirSync(path, { recursive: true })
  writeFileSync(join(path, 'B02_sre.tif'), 'pixels')
  const at = Date.now() / 1000 + years * 365 * 24 * HOUR
  utimesSync(path, at, at)
  return path
}
const revision = (key: string, years = 0) =>
  folder(join(app.config.roots.archive, 'L2A', '31TCJ', '2026', '01', NAME, `r${key}`), years)
/** A step that has begun its first attempt. `pid` is what its row says, `schedulerPid` who claimed it. */
async function attempted(pid = process.pid, schedulerPid = process.pid): Promise<number> {
  const { stepIds } = await insertSteps(app.db, [{}])
  const grants = [{ id: stepIds[0]!, threads: 1, settingsId: 0 }]
  const node = app.config.host
  await claimReadySteps(app.db, { executor: 'local', node, pid: schedulerPid, leaseSeconds: 60, grants })
  await app.db.updateTable('step').set({ pid }).where('id', '=', stepIds[0]!).execute()
  return stepIds[0]!
}
const release = (id: number) => releaseSteps(app.db, { kind: 'claim', id, attempt: 1 }, 'test')
const hoursAgo = (hours: number) => sql<Date>`now() - make_interval(hours => ${hours})`
const noted = async () =>
  [
    ...(await app.db.selectFrom('placement').select('location').execute()),
    ...(await app.db.selectFrom('former_revision').select('location').execute()),
  ].map(({ location }) => location)
const product = (key: string) => ({
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
  location: locationOf(key),
  bbox: null,
  provenance: {},
})

test('a placed revision goes as soon as its attempt does not run, and again if it comes back, until its note is old', async () => {
  const id = await attempted()
  const key = `${id}-1`
  expect(await notePlacing(app.db, { id, attempt: 1 }, [locationOf(key)])).toBe(true)
  const path = revision(key, 1)
  expect(await sweep()).toEqual([])
  await release(id)
  expect(await sweep()).toEqual([path])
  expect(existsSync(path)).toBe(false)
  // The process was only cut off, and wakes up.
  revision(key)
  expect(await sweep()).toEqual([path])
  await app.db
    .updateTable('placement')
    .set({ noted_at: hoursAgo(2) })
    .execute()
  expect(await sweep()).toEqual([])
  expect(await noted()).toEqual([])
})

test('a registered revision stays; the one that it replaces goes when the grace time is over, whatever the dates of files say', async () => {
  const [first, second] = [await attempted(), await attempted()]
  const [old, current] = [revision(`${first}-1`, -1), revision(`${second}-1`, 1)]
  for (const id of [first, second]) {
    await notePlacing(app.db, { id, attempt: 1 }, [locationOf(`${id}-1`)])
    expect(await completeStep(app.db, { id, attempt: 1 }, [product(`${id}-1`)], {})).toEqual({
      kind: 'published',
    })
  }
  expect(await noted()).toEqual([locationOf(`${first}-1`)])
  expect(await sweep()).toEqual([])
  await app.db
    .updateTable('former_revision')
    .set({ left_at: hoursAgo(2) })
    .execute()
  expect(await sweep()).toEqual([old])
  expect([existsSync(old), existsSync(current)]).toEqual([false, true])
  expect(await noted()).toEqual([])
})

test('revisions that nobody noted stay: they are of another database', async () => {
  const path = revision('900000-1', -5)
  expect(await sweep()).toEqual([])
  expect(existsSync(path)).toBe(true)
})

test('staging and scratch of dead attempts go at once, those of running ones stay', async () => {
  const running = await attempted()
  const dead = await attempted()
  await release(dead)
  const { archive, scratch } = app.config.roots
  const kept = [
    folder(join(archive, '.staging', `${running}-1`)),
    folder(join(scratch, `step-${running}-1`), -1),
  ]
  const gone = [folder(join(archive, '.staging', `${dead}-1`), 1), folder(join(scratch, `step-${dead}-1`))]
  const stranger = folder(join(scratch, 'notes of a user'), -1)
  expect([...(await sweepAttemptFolders(app.db, app.config.roots))].sort()).toEqual([...gone].sort())
  expect([...kept, stranger].every((path) => existsSync(path))).toBe(true)
})

test('a claim goes back when its process and its scheduler are dead; a living scheduler counts the failure itself', async () => {
  const [alive, orphaned, watched] = [await attempted(), await attempted(DEAD, DEAD), await attempted(DEAD)]
  const elsewhere = await attempted(DEAD, DEAD)
  await app.db.updateTable('step').set({ node: 'other' }).where('id', '=', elsewhere).execute()
  const released = await releaseDeadClaims(app.db, { executor: 'local', node: app.config.host })
  expect(released).toEqual([{ id: orphaned, attempt: 1 }])
  expect(await stepOf(app.db, orphaned)).toMatchObject({ state: 'ready', failures: 0 })
  for (const id of [alive, watched, elsewhere])
    expect(await stepOf(app.db, id)).toMatchObject({ state: 'running' })
})
