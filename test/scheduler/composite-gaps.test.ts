import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { renderSeasonReport } from '../../src/cli/season/render-season-report.js'
import type { App } from '../../src/app.js'
import { listProducts } from '../../src/catalog/products.js'
import { completeStep } from '../../src/db/steps/complete-step.js'
import { listMissingL2a } from '../../src/db/schedules/list-missing-l2a.js'
import { failStep } from '../../src/db/steps/end-attempt.js'
import { settleEnds } from '../../src/db/steps/settle-ends.js'
import type { CompositeStepParams } from '../../src/domain/step-params.js'
import { synthesisWindow } from '../../src/domain/synthesis.js'
import { createCompositeJob } from '../../src/scheduler/consumers/create-composite-job.js'
import { createL2aJob } from '../../src/scheduler/create-l2a-job.js'
import { retry } from '../../src/scheduler/queue-view.js'
import { moveClock } from '../../src/scheduler/schedules/clock.js'
import { lookAtSchedules } from '../../src/scheduler/schedules/look.js'
import { readSeasonReport } from '../../src/scheduler/season-report/read-season-report.js'
import { why } from '../../src/scheduler/why/why.js'
import { claimStep, finishConsumer, productOf, productRow, publishProduct } from '../support/consumers.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { stepOf } from '../support/queue.js'

let database: TestDatabase
let app: App
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
})
afterAll(() => database.close())
beforeEach(async () => {
  for (const table of ['product', 'job', 'acquisition', 'site', 'season_clock'] as const)
    await app.db.deleteFrom(table).execute()
  const { id } = await app.db
    .insertInto('site')
    .values({ slug: 'farm', name: 'farm', geometry: '{}', bbox: '(1,1),(0,0)' })
    .returning('id')
    .executeTakeFirstOrThrow()
  const season = { starts_on: '2025-05-20', mid_on: '2025-06-20', ends_on: '2025-08-20' }
  await app.db
    .insertInto('season')
    .values({ site_id: id, name: 'summer', ...season })
    .execute()
  for (const tile of ['31TCJ', '31TDJ'])
    await app.db
      .insertInto('site_tile')
      .values({ site_id: id, satellite: 's2', tile, origin: 'auto', enabled: true })
      .execute()
})

async function acquire(day: string, change: Record<string, unknown> = {}): Promise<number> {
  const row = {
    ...{ identity: `${day} ${JSON.stringify(change)}`, satellite: 's2', platform: 'S2A', tile: '31TCJ' },
    ...{ relative_orbit: 51, sensed_at: `${day}T10:50:31Z`, location: `l1:${day}.SAFE`, state: 'present' },
    ...change,
  }
  const { id } = await app.db
    .insertInto('acquisition')
    .values(row as never)
    .returning('id')
    .executeTakeFirstOrThrow()
  return id
}
const nameOf = (day: string, tile = '31TCJ') => `S2A_L2A_${tile}_${day.replaceAll('-', '')}T105031_R051`
const composite = 'S2_L3A_31TCJ_20250615T120000_H025'
const host = { node: 'test', proveRoots: () => Promise.resolve({}) }

/** L2A steps of what is there, by acquisition. */
async function planL2a(): Promise<Map<number, number>> {
  await createL2aJob(app.db, { site: 'farm', createdBy: 'test' })
  const rows = await app.db
    .selectFrom('task')
    .innerJoin('step', 'step.task_id', 'task.id')
    .select(['task.acquisition_id as acquisition', 'step.id as step'])
    .where('step.state', 'in', ['ready', 'blocked'])
    .execute()
  return new Map(rows.map(({ acquisition, step }) => [acquisition ?? 0, step]))
}
/** Both let the next date of the chain begin. */
const publish = async (step: number, acquisitionId: number, day: string) => {
  await completeStep(app.db, await claimStep(app.db, step), [productRow(nameOf(day), { acquisitionId })], {})
  await settleEnds(app.db)
}
const fail = async (step: number, code: string, kind: 'fail' | 'quarantine') => {
  const failure = { code, failure: 'permanent', message: 'it broke', lastLines: [] } as const
  await failStep(app.db, await claimStep(app.db, step), failure, () => ({ kind }), {})
  await settleEnds(app.db)
}
async function compositeStep(): Promise<{ id: number; params: CompositeStepParams }> {
  const { stepIds } = await createCompositeJob(app.db, {
    ...{ site: 'farm', createdBy: 'test', days: ['2025-06-15'] },
  })
  const id = stepIds[0]!
  return { id, params: (await stepOf(app.db, id)).params as unknown as CompositeStepParams }
}
/** Ends a composite as its step does, its gaps in the provenance. */
async function finish(id: number) {
  const { params } = (await stepOf(app.db, id)) as unknown as { params: CompositeStepParams }
  const { from, to } = synthesisWindow({ day: params.day, halfDays: 25 })
  return finishConsumer(app.db, id, {
    window: { from: from.toISOString(), to: to.toISOString() },
    sensedAt: `${params.day}T12:00:00Z`,
    provenance: { parameters: params.parameters, gaps: params.gaps },
  })
}

test('what is missing in the window of the tile is named with its reason, and nothing else', async () => {
  const good = await acquire('2025-06-01')
  const failed = await acquire('2025-06-04', { platform: 'S2B' })
  const empty = await acquire('2025-06-06', { relative_orbit: 8 })
  const cloudy = await acquire('2025-06-09', { relative_orbit: 94 })
  const steps = await planL2a()
  await publish(steps.get(good)!, good, '2025-06-01')
  await fail(steps.get(failed)!, 'STEP_KILLED', 'quarantine')
  await fail(steps.get(empty)!, 'NO_VALID_PIXEL', 'fail')
  await fail(steps.get(cloudy)!, 'TOO_CLOUDY', 'fail')
  const broken = await acquire('2025-06-21', {
    state: 'broken',
    reason_code: 'ARCHIVE_BROKEN',
    reason: 'cut',
  })
  // The same pass as `good`, of an older generation.
  await acquire('2025-06-01', {
    identity: 'old',
    state: 'broken',
    reason_code: 'METADATA_INVALID',
    reason: 'x',
  })
  await acquire('2025-06-11', { state: 'ignored', reason_code: 'FILTERED', reason: 'cloud' })
  await acquire('2025-06-12', { tile: '31TDJ' })
  await acquire('2025-07-20')
  const coming = await acquire('2025-06-29', { state: 'found' })
  const { params } = await compositeStep()
  expect(params.product).toBe(composite)
  expect(params.gaps).toEqual([
    {
      ...{ acquisition_id: failed, tile: '31TCJ', day: '2025-06-04' },
      why: `has no L2A: step ${steps.get(failed)!} quarantined with STEP_KILLED`,
    },
    { ...{ acquisition_id: broken, tile: '31TCJ', day: '2025-06-21' }, why: 'is broken: ARCHIVE_BROKEN cut' },
    { ...{ acquisition_id: coming, tile: '31TCJ', day: '2025-06-29' }, why: 'is found, not fetched' },
  ])
  // Nor does a schedule tell that it ran without them.
  const { id: siteId } = await app.db.selectFrom('site').select('id').executeTakeFirstOrThrow()
  const lacking = await listMissingL2a(app.db, { siteId, from: '2025-06-02', to: '2025-06-10' })
  expect(lacking.map(({ acquisitionId }) => acquisitionId)).toEqual([failed])
})

test("another processor's L2A of the same pass fills the gap, and one that was removed leaves it", async () => {
  const [kept, foreign] = [await acquire('2025-06-01'), await acquire('2025-06-11')]
  const steps = await planL2a()
  for (const [id, day] of [
    [kept, '2025-06-01'],
    [foreign, '2025-06-11'],
  ] as const)
    await publish(steps.get(id)!, id, day)
  await app.db
    .updateTable('product')
    .set({ removed_at: new Date(), removed_reason: 'retention rule 1' })
    .where('name', '=', nameOf('2025-06-11'))
    .execute()
  const why = 'had L2A that was removed: retention rule 1'
  expect((await compositeStep()).params.gaps).toMatchObject([{ acquisition_id: foreign, why }])
  await app.db.deleteFrom('job').where('processor', '=', 'composite').execute()
  const { stepIds } = await createL2aJob(app.db, { acquisitionIds: [kept], force: true, createdBy: 'test' })
  const key = await claimStep(app.db, stepIds[0]!)
  await completeStep(app.db, key, [productRow(`${nameOf('2025-06-11')}_SEN2COR`)], {})
  expect((await compositeStep()).params.gaps).toEqual([])
})

test('a partial composite says so everywhere, and is made again whole when the failed date is there after a retry', async () => {
  await moveClock(app.db, { at: new Date('2025-07-16T12:00:00Z'), speed: 0, real: false })
  const [good, bad] = [await acquire('2025-06-01'), await acquire('2025-06-11')]
  const steps = await planL2a()
  await publish(steps.get(good)!, good, '2025-06-01')
  await fail(steps.get(bad)!, 'RASTER_UNREADABLE', 'fail')
  const first = await compositeStep()
  await finish(first.id)
  const without = `acquisition ${bad} (31TCJ, 2025-06-11), which then has no L2A: step ${steps.get(bad)!} failed with RASTER_UNREADABLE`
  const told = await why(app.db, composite, host)
  expect(told.verdict).toContain('but partial')
  expect(told.reasons).toContain(`made without ${without}`)
  expect(told.next).toEqual([`tilth why acquisition:${bad}`])
  const list = (partial: boolean) => listProducts(app.db, { site: 'farm', level: 'L3A', partial, limit: 10 })
  expect((await list(true)).map(({ gaps }) => gaps.map(({ day }) => day))).toEqual([['2025-06-11']])
  const page = async () => renderSeasonReport(await readSeasonReport(app.db, 'farm', 'summer'))
  expect(await page()).toMatch(
    new RegExp(`${composite}.*partial.*without acquisition ${bad} of 2025-06-11`, 's'),
  )
  // Nothing has changed: no schedule makes it again.
  const look = async () => {
    await app.db
      .updateTable('schedule')
      .set({ look_at: new Date(0) })
      .execute()
    return (await lookAtSchedules(app.db)).filter(({ schedule }) => schedule.name === 'composite-renewal')
  }
  expect(await look()).toEqual([])
  await retry(app.db, { kind: 'step', id: steps.get(bad)! })
  await publish(steps.get(bad)!, bad, '2025-06-11')
  expect((await productOf(app.db, composite)).stale_reason).toContain('appeared in its window')
  const [renewal] = await look()
  expect(renewal).toMatchObject({ steps: 1, error: null })
  const { id } = await app.db
    .selectFrom('step')
    .select('id')
    .where('job_id', '=', renewal!.jobId)
    .executeTakeFirstOrThrow()
  await finish(id)
  expect(await list(true)).toEqual([])
  expect((await why(app.db, composite, host)).verdict).not.toContain('partial')
  expect(await page()).toMatch(new RegExp(`${composite}.*complete`, 's'))
  expect(await look()).toEqual([])
})

test('a composite that was never asked for: `why` says what there is in its window, or that there is nothing', async () => {
  const told = async () => (await why(app.db, 'S2_L3A_31TCJ_20250615T120000_H025', host)).reasons
  const none = 'no L2A product of tile 31TCJ lies in its window, 2025-05-21 to 2025-07-10'
  expect(await told()).toEqual([none, 'no acquisition of these days is known'])
  const left = { state: 'ignored', reason_code: 'FILTER_CLOUD', reason: 'clouds' }
  for (const day of ['2025-06-01', '2025-06-11']) await acquire(day, left)
  await acquire('2025-06-21', { state: 'broken', reason_code: 'METADATA_INVALID', reason: 'x' })
  await acquire('2025-08-01')
  await acquire('2025-06-01', { ...left, tile: '31TDJ' })
  expect(await told()).toEqual([
    none,
    'acquisitions of these days that are left out (FILTER_CLOUD): 2',
    'acquisitions of these days that are broken (METADATA_INVALID): 1',
  ])
  await publishProduct(app.db, nameOf('2025-06-16'))
  expect(await told()).toEqual(['no step for it was ever made, although 1 L2A products lie in its window'])
})
