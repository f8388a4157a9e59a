import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { synthesisWindow } from '../../src/domain/synthesis.js'
import { createCompositeJob } from '../../src/scheduler/consumers/create-composite-job.js'
import { finishConsumer, productOf, publishProduct } from '../support/consumers.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { setSetting, stepOf } from '../support/queue.js'

let database: TestDatabase
let app: App
let farm: number
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
})
afterAll(() => database.close())
beforeEach(async () => {
  for (const table of ['product', 'job', 'acquisition', 'setting', 'site'] as const)
    await app.db.deleteFrom(table).execute()
  const region = await addSite('region', null, [])
  farm = await addSite('farm', region, ['31TCJ', '31TDJ', '198030'])
  const season = { starts_on: '2025-05-20', mid_on: '2025-06-20', ends_on: '2025-08-20' }
  await app.db
    .insertInto('season')
    .values({ site_id: region, name: 'summer', ...season })
    .execute()
})

async function addSite(slug: string, parent: number | null, tiles: readonly string[]): Promise<number> {
  const { id } = await app.db
    .insertInto('site')
    .values({ slug, name: slug, parent_id: parent, geometry: '{}', bbox: '(1,1),(0,0)' })
    .returning('id')
    .executeTakeFirstOrThrow()
  for (const tile of tiles) {
    const satellite = /^\d+$/.test(tile) ? ('landsat' as const) : ('s2' as const)
    const row = { site_id: id, satellite, tile, origin: 'auto', enabled: true }
    await app.db.insertInto('site_tile').values(row).execute()
  }
  return id
}

const A = 'S2A_L2A_31TCJ_20250601T105031_R051'
const B = 'S2B_L2A_31TCJ_20250620T104619_R008'
const LATE = 'S2A_L2A_31TCJ_20250801T105031_R051'
const L8 = 'LC08_L2A_198030_20250610T103625_R198'
const L9 = 'LC09_L2A_198030_20250618T103625_R198'
const S2 = 'S2_L3A_31TCJ_20250615T120000_H025'
const LANDSAT = 'LANDSAT_L3A_198030_20250615T120000_H025'
const request = { site: 'farm', createdBy: 'test', days: ['2025-06-15'] }

interface Params {
  readonly product: string
  readonly day: string
  readonly inputs: { name: string; location: string }[]
  readonly parameters: Record<string, number>
}
const paramsOf = async (ids: readonly number[]) =>
  Promise.all(ids.map(async (id) => (await stepOf(app.db, id)).params as unknown as Params))
async function finish(stepId: number) {
  const [params] = await paramsOf([stepId])
  const { from, to } = synthesisWindow({ day: params!.day, halfDays: params!.parameters['half_days']! })
  const window = { from: from.toISOString(), to: to.toISOString() }
  return finishConsumer(app.db, stepId, { window, sensedAt: `${params!.day}T12:00:00Z` })
}

test('one composite for each tile and family of the site or its parent, of all platforms and orbits in the window', async () => {
  for (const name of [L9, B, A, LATE, L8, A.replace('31TCJ', '32TLP')]) await publishProduct(app.db, name)
  const made = await createCompositeJob(app.db, { ...request, site: 'region' })
  const found = await paramsOf(made.stepIds)
  expect(found.map(({ product, inputs }) => [product, inputs.map(({ name }) => name)])).toEqual([
    [S2, [A, B]],
    [LANDSAT, [L8, L9]],
  ])
  expect(found[0]).toMatchObject({ day: '2025-06-15', parameters: { half_days: 25, weight_date_min: 0.5 } })
  expect(made.tilesWithoutInput).toEqual(['31TDJ'])
  expect((await stepOf(app.db, made.stepIds[0]!)).site_id).toBe(farm)
  const read = await app.db
    .selectFrom('step_input')
    .selectAll()
    .where('step_id', '=', made.stepIds[0]!)
    .execute()
  expect(read.map(({ revision, location }) => [revision, location])).toEqual([
    [1, (await productOf(app.db, A)).location],
    [1, (await productOf(app.db, B)).location],
  ])
})

test('both edges of the window count, a second beyond does not', async () => {
  for (const time of ['20250521T115959', '20250521T120000', '20250710T120000', '20250710T120001'])
    await publishProduct(app.db, `S2A_L2A_31TCJ_${time}_R051`)
  const { stepIds } = await createCompositeJob(app.db, request)
  expect((await paramsOf(stepIds))[0]!.inputs.map(({ name }) => name.slice(14, 29))).toEqual([
    '20250521T120000',
    '20250710T120000',
  ])
})

test('without days the 15th of each month of the season, cut to the span; half and weight from settings or by hand', async () => {
  for (const name of [A, B, LATE]) await publishProduct(app.db, name)
  await setSetting(app.db, 'processor.composite.half_days', 20, farm)
  const days = async (more: object) => {
    const { stepIds, origins } = await createCompositeJob(app.db, {
      site: 'farm',
      createdBy: 'test',
      season: 'summer',
      ...more,
    })
    const found = await paramsOf(stepIds)
    await app.db.deleteFrom('job').execute()
    return { names: found.map(({ product }) => product), origins }
  }
  const all = await days({})
  expect(all.names).toEqual([
    'S2_L3A_31TCJ_20250615T120000_H020',
    'S2_L3A_31TCJ_20250715T120000_H020',
    'S2_L3A_31TCJ_20250815T120000_H020',
  ])
  expect(all.origins).toEqual({ half_days: 'site farm', weight_date_min: 'default' })
  expect((await days({ from: '2025-07-01', to: '2025-07-31' })).names).toHaveLength(1)
  expect((await days({ parameters: { half_days: 10 } })).names).toEqual(['S2_L3A_31TCJ_20250615T120000_H010'])
  await expect(createCompositeJob(app.db, { site: 'farm', createdBy: 'test' })).rejects.toThrow(
    /around which days/,
  )
  await expect(createCompositeJob(app.db, { ...request, days: ['2025-02-30'] })).rejects.toMatchObject({
    code: 'BAD_ARGUMENT',
  })
  await expect(createCompositeJob(app.db, { createdBy: 'test', days: ['2025-06-15'] })).rejects.toMatchObject(
    { code: 'BAD_ARGUMENT' },
  )
})

test('nothing is doubled; a new date in the window makes it stale, and a remake of all dates clears that', async () => {
  await publishProduct(app.db, A)
  const first = await createCompositeJob(app.db, request)
  const reasons = async (more: object = {}) =>
    (await createCompositeJob(app.db, { ...request, ...more })).skipped.map(({ reason }) => reason)
  expect(await reasons({ force: true })).toEqual([`step ${first.stepIds[0]!} does it already`])
  await publishProduct(app.db, B)
  expect(await reasons()).toEqual([
    `step ${first.stepIds[0]!} makes it of other dates or revisions: ask again when it has ended, or cancel it`,
  ])
  expect(await finish(first.stepIds[0]!)).toMatchObject({
    stale_reason: `product ${B} appeared in its window`,
  })
  const again = await createCompositeJob(app.db, { stale: true, createdBy: 'test' })
  expect((await paramsOf(again.stepIds))[0]!.inputs.map(({ name }) => name)).toEqual([A, B])
  expect(await finish(again.stepIds[0]!)).toMatchObject({ stale_since: null, revision: 2 })
  expect(await reasons()).toEqual([`${S2} exists with the same parameters and inputs`])
  expect(await createCompositeJob(app.db, { stale: true, createdBy: 'test' })).toMatchObject({
    jobId: null,
    skipped: [],
  })
  // All dates are made again: one remake of the composite is enough.
  await publishProduct(app.db, A)
  await publishProduct(app.db, B)
  expect(await productOf(app.db, S2)).toMatchObject({ stale_reason: `product ${A} was made again` })
  const last = await createCompositeJob(app.db, { products: [S2], createdBy: 'test' })
  expect(await finish(last.stepIds[0]!)).toMatchObject({ stale_since: null, revision: 3 })
  expect(
    (await createCompositeJob(app.db, { ...request, parameters: { weight_date_min: 0.3 } })).stepIds,
  ).toHaveLength(1)
})

test('of what is left after a removal it is made only by force; a stale input is waited for', async () => {
  for (const name of [A, B]) await publishProduct(app.db, name)
  await finish((await createCompositeJob(app.db, request)).stepIds[0]!)
  const removed = { removed_at: new Date(), removed_reason: 'rule 1' }
  await app.db.updateTable('product').set(removed).where('name', '=', A).execute()
  expect((await createCompositeJob(app.db, { stale: true, createdBy: 'test' })).skipped[0]!.reason).toBe(
    `${S2} was made of ${A}, which was removed; --force makes it again of what is left`,
  )
  const forced = await createCompositeJob(app.db, { ...request, force: true })
  expect((await paramsOf(forced.stepIds))[0]!.inputs.map(({ name }) => name)).toEqual([B])
  expect(await finish(forced.stepIds[0]!)).toMatchObject({ stale_since: null })
  const { id } = await app.db
    .insertInto('acquisition')
    .values({
      ...{
        identity: 'x',
        satellite: 's2',
        platform: 'S2B',
        tile: '31TCJ',
        location: 'l1:x',
        state: 'present',
      },
      sensed_at: '2025-06-20T10:46:19Z',
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  await publishProduct(app.db, B, { acquisitionId: id })
  await finish((await createCompositeJob(app.db, request)).stepIds[0]!)
  await app.db.updateTable('acquisition').set({ state: 'superseded' }).where('id', '=', id).execute()
  expect((await createCompositeJob(app.db, { stale: true, createdBy: 'test' })).skipped[0]!.reason).toBe(
    `${S2} exists with the same parameters and inputs; it is stale because product ${B} is stale: make that again first`,
  )
})

test('what failed with these very inputs is left alone by what runs by itself, until a date comes', async () => {
  await publishProduct(app.db, A)
  const { stepIds } = await createCompositeJob(app.db, request)
  const failed = { state: 'failed', error_code: 'RASTER_UNREADABLE' } as const
  await app.db.updateTable('step').set(failed).where('id', '=', stepIds[0]!).execute()
  expect((await createCompositeJob(app.db, { ...request, untried: true })).skipped[0]!.reason).toContain(
    `step ${stepIds[0]!} ended without it (RASTER_UNREADABLE)`,
  )
  await publishProduct(app.db, B)
  expect((await createCompositeJob(app.db, { ...request, untried: true })).stepIds).toHaveLength(1)
})

test('names that are no composites are refused; jobs made at the same moment make each once', async () => {
  await publishProduct(app.db, A)
  for (const name of ['S2_L3A_31TCJ_20250230T120000_H025', 'S2A_L2A_31TCJ_20250601T105031_R051'])
    await expect(createCompositeJob(app.db, { products: [name], createdBy: 'test' })).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
    })
  const jobs = await Promise.all(Array.from({ length: 5 }, () => createCompositeJob(app.db, request)))
  expect(jobs.filter(({ jobId }) => jobId !== null)).toHaveLength(1)
})
