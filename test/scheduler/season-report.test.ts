import { afterAll, beforeAll, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { renderSeasonReport } from '../../src/cli/season/render-season-report.js'
import { settleEnds } from '../../src/db/steps/settle-ends.js'
import { createL2aJob } from '../../src/scheduler/create-l2a-job.js'
import { claimReadySteps } from '../../src/db/steps/claim-ready-steps.js'
import { completeStep } from '../../src/db/steps/complete-step.js'
import { failStep } from '../../src/db/steps/end-attempt.js'
import type { ClaimKey } from '../../src/db/steps/queryable.js'
import { readSeasonReport } from '../../src/scheduler/season-report/read-season-report.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'

let database: TestDatabase
let app: App
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
  const { id } = await app.db
    .insertInto('site')
    .values({ slug: 'farm', name: 'farm', geometry: '{}', bbox: '(1,1),(0,0)' })
    .returning('id')
    .executeTakeFirstOrThrow()
  const days = { starts_on: '2026-05-01', mid_on: '2026-07-01', ends_on: '2026-09-30' }
  await app.db
    .insertInto('season')
    .values({ site_id: id, name: 'summer', ...days })
    .execute()
  for (const [satellite, tile, enabled] of [
    ['s2', '31TCJ', true],
    ['landsat', '198030', true],
    ['s2', '30TYP', false],
  ] as const)
    await app.db
      .insertInto('site_tile')
      .values({ site_id: id, satellite, tile, origin: 'auto', enabled })
      .execute()
})
afterAll(() => database.close())

async function acquire(day: string, change: Record<string, unknown> = {}): Promise<number> {
  const { id } = await app.db
    .insertInto('acquisition')
    .values({
      ...{
        identity: `31TCJ ${day} ${JSON.stringify(change)}`,
        satellite: 's2',
        platform: 'S2A',
        tile: '31TCJ',
        relative_orbit: 51,
      },
      ...{ sensed_at: `${day}T10:45:00Z`, location: `l1:${day}.SAFE`, state: 'present' },
      ...change,
    } as never)
    .returning('id')
    .executeTakeFirstOrThrow()
  return id
}

/** Of the L2A step of an acquisition; one after the other, as they are dates of one chain. */
async function claimOf(acquisition: number): Promise<ClaimKey> {
  await settleEnds(app.db)
  const { id } = await app.db
    .selectFrom('step')
    .innerJoin('task', 'task.id', 'step.task_id')
    .select('step.id')
    .where('task.acquisition_id', '=', acquisition)
    .executeTakeFirstOrThrow()
  const [claim] = await claimReadySteps(app.db, {
    ...{ executor: 'local', node: 'test', pid: 1, leaseSeconds: 60 },
    grants: [{ id, threads: 1, settingsId: 1 }],
  })
  if (claim === undefined) throw new Error(`acquisition ${acquisition} has no claim`)
  return claim
}
async function failWith(claim: ClaimKey, code: string): Promise<void> {
  const failure = { code, failure: 'permanent', message: 'no', lastLines: [] } as const
  await failStep(app.db, claim, failure, () => ({ kind: 'fail' }), {})
}

test('each day says what became of its acquisitions, gaps of the repeat cycle too', async () => {
  const done = await acquire('2026-05-02')
  const cloudy = await acquire('2026-05-12', { cloud_percent: 88.4 })
  // 22 May is missing.
  const failed = await acquire('2026-06-01')
  await createL2aJob(app.db, { site: 'farm', createdBy: 'test' })
  const waiting = await acquire('2026-06-11')
  await createL2aJob(app.db, { site: 'farm', createdBy: 'test' })
  await acquire('2026-06-21')
  await acquire('2026-06-24', {
    state: 'broken',
    reason_code: 'INPUT_TRUNCATED',
    reason: 'cut',
    relative_orbit: 8,
  })
  await acquire('2026-06-24', { state: 'fetching', platform: 'S2B', relative_orbit: 8 })
  await acquire('2026-04-30')
  await acquire('2026-07-01', {
    satellite: 'landsat',
    tile: '198030',
    platform: 'L8',
    state: 'ignored',
    reason: 'x',
    reason_code: 'CLOUD',
  })
  for (const id of [done, cloudy]) await completeStep(app.db, await claimOf(id), [product(id)], {})
  await failWith(await claimOf(failed), 'GRID_MISMATCH')

  const report = await readSeasonReport(app.db, 'farm', 'summer')
  expect(report.tiles.map(({ tile }) => tile)).toEqual(['198030', '31TCJ'])
  const states = Object.fromEntries(report.tiles[1]?.days.map(({ day, state }) => [day, state]) ?? [])
  expect(states).toEqual({
    '2026-05-02': 'corrected',
    '2026-05-12': 'cloudy',
    '2026-05-22': 'missing',
    '2026-06-01': 'failed',
    '2026-06-11': 'in progress',
    '2026-06-21': 'not asked for',
    '2026-06-24': 'coming',
  })
  expect(report.tiles[0]?.days).toMatchObject([{ day: '2026-07-01', state: 'left out' }])
  expect(report.counts).toMatchObject({
    corrected: 1,
    cloudy: 1,
    missing: 1,
    failed: 1,
    broken: 1,
    coming: 1,
    'left out': 1,
  })
  expect(report.tiles[1]?.days.find(({ day }) => day === '2026-06-01')?.notes).toEqual([
    `acquisition ${failed}: failed (GRID_MISMATCH)`,
  ])
  const page = renderSeasonReport(report)
  expect(page.match(/<rect [^>]*><title>31TCJ/g)).toHaveLength(7)
  expect(page).toContain(`acquisition ${waiting}: in progress`)
  expect(page).not.toContain('30TYP')
})

test('clouds, night and swaths beside the tile are no failures', async () => {
  for (const table of ['product', 'job', 'acquisition'] as const) await app.db.deleteFrom(table).execute()
  const ends = [
    ['TOO_CLOUDY', await acquire('2026-05-02')],
    ['NO_VALID_PIXEL', await acquire('2026-05-12')],
    ['SUN_TOO_LOW', await acquire('2026-05-22')],
  ] as const
  await acquire('2026-06-01', { state: 'ignored', reason: 'clouds', reason_code: 'FILTER_CLOUD' })
  await createL2aJob(app.db, { site: 'farm', createdBy: 'test' })
  for (const [code, acquisition] of ends) await failWith(await claimOf(acquisition), code)

  const report = await readSeasonReport(app.db, 'farm', 'summer')
  expect(report.tiles[1]?.days.map(({ state, notes }) => `${state}: ${notes.join()}`)).toEqual([
    `cloudy: acquisition ${ends[0][1]}: cloudy (TOO_CLOUDY)`,
    `left out: acquisition ${ends[1][1]}: left out (NO_VALID_PIXEL)`,
    `left out: acquisition ${ends[2][1]}: left out (SUN_TOO_LOW)`,
    expect.stringMatching(/^cloudy: .*: cloudy \(FILTER_CLOUD\)$/) as string,
  ])
  expect(report.counts).toMatchObject({ cloudy: 2, 'left out': 2, failed: 0 })
})

test('an unknown season is refused with those that there are', async () => {
  await expect(readSeasonReport(app.db, 'farm', 'winter')).rejects.toThrow('it has summer')
})

const product = (acquisitionId: number) =>
  ({
    ...{ name: `S2A_L2A_31TCJ_${acquisitionId}`, level: 'L2A', processor: 'l2a', processorVersion: 1 },
    ...{
      satellite: 's2' as const,
      platform: 'S2A',
      tile: '31TCJ',
      sensedAt: '2026-06-01T10:00:00Z',
      relativeOrbit: 51,
    },
    ...{ acquisitionId, location: `archive:L2A/${acquisitionId}/r1-1`, bbox: null, provenance: {} },
  }) as const
