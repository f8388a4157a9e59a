import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { createNdviJob } from '../../src/scheduler/consumers/create-ndvi-job.js'
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
  const season = { starts_on: '2025-05-01', mid_on: '2025-07-01', ends_on: '2025-09-30' }
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
    await app.db
      .insertInto('site_tile')
      .values({ site_id: id, satellite, tile, origin: 'auto', enabled: true })
      .execute()
  }
  return id
}

const MAY = 'S2A_L2A_31TCJ_20250510T105031_R051'
const JUNE = 'S2B_L2A_31TDJ_20250605T105031_R051'
const LANDSAT = 'LC08_L2A_198030_20250701T103625_R198'
const WINTER = 'S2A_L2A_31TCJ_20250110T105031_R051'
const ndviOf = (name: string) => name.replace('_L2A_', '_L3B_')
const request = { site: 'farm', createdBy: 'test' }
const madeFrom = async (ids: readonly number[]) =>
  Promise.all(
    ids.map(async (id) => ((await stepOf(app.db, id)).params as { input: { name: string } }).input.name),
  )

test('takes the L2A of all satellites of the site or its parent, by season, days and tiles, oldest first', async () => {
  for (const name of [LANDSAT, JUNE, MAY, WINTER, 'S2A_L2A_32TLP_20250510T105031_R051'])
    await publishProduct(app.db, name)
  const all = await createNdviJob(app.db, { ...request, site: 'region' })
  expect(await madeFrom(all.stepIds)).toEqual([WINTER, MAY, JUNE, LANDSAT])
  expect((await stepOf(app.db, all.stepIds[0]!)).site_id).toBe(farm)
  await app.db.deleteFrom('job').execute()
  const season = await createNdviJob(app.db, { ...request, season: 'summer', to: '2025-06-05' })
  expect(await madeFrom(season.stepIds)).toEqual([MAY, JUNE])
  await app.db.deleteFrom('job').execute()
  await expect(createNdviJob(app.db, { ...request, tiles: ['31TEJ'] })).rejects.toMatchObject({
    code: 'NOT_FOUND',
  })
  await app.db.deleteFrom('product').where('tile', '=', '31TDJ').execute()
  expect(await createNdviJob(app.db, { ...request, tiles: ['31TDJ', '198030'] })).toMatchObject({
    stepIds: [expect.any(Number)],
    tilesWithoutInput: ['31TDJ'],
  })
})

test('names its input with the revision in force, freezes parameters with their origin, and registers what it reads', async () => {
  const l2a = await publishProduct(app.db, MAY)
  await setSetting(app.db, 'processor.ndvi.min_sum', 0.03, farm)
  const { stepIds, origins } = await createNdviJob(app.db, request)
  expect(origins).toEqual({ min_sum: 'site farm' })
  const step = await stepOf(app.db, stepIds[0]!)
  expect(step.params).toEqual({
    product: ndviOf(MAY),
    input: { name: MAY, location: l2a.location },
    parameters: { min_sum: 0.03 },
    parameter_origins: { min_sum: 'site farm' },
  })
  expect(await app.db.selectFrom('step_input').selectAll().execute()).toEqual([
    { step_id: step.id, product_id: l2a.id, stays_needed: false, revision: 1, location: l2a.location },
  ])
  await expect(
    createNdviJob(app.db, { ...request, force: true, parameters: { min_sum: 0 } }),
  ).rejects.toThrow(/min_sum/)
})

test('nothing is doubled: neither what is open nor what exists with the same parameters and input', async () => {
  await publishProduct(app.db, MAY)
  const first = await createNdviJob(app.db, request)
  const reasonOf = async (more: object = {}) =>
    (await createNdviJob(app.db, { ...request, ...more })).skipped.map(({ reason }) => reason)
  expect(await reasonOf({ force: true })).toEqual([`step ${first.stepIds[0]!} does it already`])
  expect(await reasonOf({ parameters: { min_sum: 0.5 } })).toEqual([
    `step ${first.stepIds[0]!} makes it with min_sum 0.01 instead of 0.5: ask again when it has ended, or cancel it`,
  ])
  await finishConsumer(app.db, first.stepIds[0]!)
  expect(await reasonOf()).toEqual([`${ndviOf(MAY)} exists with the same parameters`])
  const remake = await createNdviJob(app.db, { ...request, parameters: { min_sum: 0.5 } })
  expect(remake.stepIds).toHaveLength(1)
  // Five at the same moment make one job.
  await app.db.deleteFrom('job').where('id', '=', remake.jobId!).execute()
  const jobs = await Promise.all(
    Array.from({ length: 5 }, () => createNdviJob(app.db, { ...request, force: true })),
  )
  expect(jobs.filter(({ jobId }) => jobId !== null)).toHaveLength(1)
})

test('an L2A that was made again makes its NDVI stale; remaking that clears it, whenever the new revision came', async () => {
  await publishProduct(app.db, MAY)
  await finishConsumer(app.db, (await createNdviJob(app.db, request)).stepIds[0]!)
  expect(await createNdviJob(app.db, { stale: true, createdBy: 'test' })).toMatchObject({ jobId: null })
  await publishProduct(app.db, MAY)
  expect(await productOf(app.db, ndviOf(MAY))).toMatchObject({
    stale_reason: `product ${MAY} was made again`,
  })
  const again = await createNdviJob(app.db, { stale: true, createdBy: 'test' })
  // Once more, while the step waits: what it then publishes is of the revision before.
  await publishProduct(app.db, MAY)
  expect((await createNdviJob(app.db, request)).skipped[0]!.reason).toBe(
    `step ${again.stepIds[0]!} makes it of an older revision: ask again when it has ended, or cancel it`,
  )
  expect(await finishConsumer(app.db, again.stepIds[0]!)).toMatchObject({
    stale_reason: `product ${MAY} was made again`,
  })
  const last = await createNdviJob(app.db, { stale: true, createdBy: 'test' })
  expect(await finishConsumer(app.db, last.stepIds[0]!)).toMatchObject({
    stale_since: null,
    stale_reason: null,
  })
  const input = await app.db
    .selectFrom('product_input')
    .select(['input_revision', 'input_location'])
    .executeTakeFirstOrThrow()
  expect(input).toEqual({ input_revision: 3, input_location: (await productOf(app.db, MAY)).location })
})

test('NDVI of a stale L2A is stale, and is not made again before the L2A is', async () => {
  await publishProduct(app.db, MAY)
  await finishConsumer(app.db, (await createNdviJob(app.db, request)).stepIds[0]!)
  const { id } = await app.db
    .insertInto('acquisition')
    .values({
      ...{ identity: 'x', satellite: 's2', platform: 'S2A', tile: '31TCJ', location: 'l1:x' },
      sensed_at: '2025-05-10T10:50:31Z',
      state: 'present',
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  await publishProduct(app.db, MAY, { acquisitionId: id })
  await finishConsumer(app.db, (await createNdviJob(app.db, request)).stepIds[0]!)
  await app.db.updateTable('acquisition').set({ state: 'superseded' }).where('id', '=', id).execute()
  expect(await productOf(app.db, ndviOf(MAY))).toMatchObject({ stale_reason: `product ${MAY} is stale` })
  expect(await createNdviJob(app.db, { stale: true, createdBy: 'test' })).toMatchObject({
    jobId: null,
    skipped: [
      {
        reason: `${ndviOf(MAY)} exists with the same parameters; it is stale because ${MAY} is: make that again first`,
      },
    ],
  })
})

test('an L2A that retention removed leaves its NDVI stale; back again, a remake clears it', async () => {
  await publishProduct(app.db, MAY)
  await finishConsumer(app.db, (await createNdviJob(app.db, request)).stepIds[0]!)
  const removed = { removed_at: new Date(), removed_reason: 'older than 30 days' }
  await app.db.updateTable('product').set(removed).where('name', '=', MAY).execute()
  expect(await productOf(app.db, ndviOf(MAY))).toMatchObject({ stale_reason: `product ${MAY} was removed` })
  expect(await createNdviJob(app.db, { stale: true, createdBy: 'test' })).toMatchObject({
    jobId: null,
    skipped: [],
  })
  await publishProduct(app.db, MAY)
  const again = await createNdviJob(app.db, { stale: true, createdBy: 'test' })
  expect(await finishConsumer(app.db, again.stepIds[0]!)).toMatchObject({ stale_since: null })
  // What retention removed of ours is not made again by itself.
  await app.db.updateTable('product').set(removed).where('name', '=', ndviOf(MAY)).execute()
  expect((await createNdviJob(app.db, request)).skipped[0]!.reason).toBe(
    `${ndviOf(MAY)} was removed (older than 30 days); --force makes it again`,
  )
  expect((await createNdviJob(app.db, { ...request, force: true })).stepIds).toHaveLength(1)
})

test('of our L2A and imported ones of the same acquisition ours counts, else the first; a name takes any', async () => {
  for (const maker of ['SEN2COR', 'MAJA'])
    await publishProduct(app.db, `${MAY}_${maker}`, { processor: 'import_l2a' })
  const imported = await createNdviJob(app.db, request)
  expect(await madeFrom(imported.stepIds)).toEqual([`${MAY}_MAJA`])
  await publishProduct(app.db, MAY)
  expect(await madeFrom((await createNdviJob(app.db, request)).stepIds)).toEqual([MAY])
  const named = await createNdviJob(app.db, { products: [ndviOf(`${MAY}_SEN2COR`)], createdBy: 'test' })
  expect(await madeFrom(named.stepIds)).toEqual([`${MAY}_SEN2COR`])
  await expect(createNdviJob(app.db, { products: ['S2A_L2A_X'], createdBy: 'test' })).rejects.toMatchObject({
    code: 'NOT_FOUND',
  })
  await expect(createNdviJob(app.db, { createdBy: 'test' })).rejects.toMatchObject({ code: 'BAD_ARGUMENT' })
})

test('what failed on this very revision is left alone by a request that runs by itself, and tried by any other', async () => {
  await publishProduct(app.db, MAY)
  const first = await createNdviJob(app.db, request)
  const failed = { state: 'failed', error_code: 'RASTER_UNREADABLE' } as const
  await app.db.updateTable('step').set(failed).where('id', '=', first.stepIds[0]!).execute()
  expect((await createNdviJob(app.db, { ...request, untried: true })).skipped[0]!.reason).toContain(
    `step ${first.stepIds[0]!} ended without it (RASTER_UNREADABLE)`,
  )
  await publishProduct(app.db, MAY)
  expect((await createNdviJob(app.db, { ...request, untried: true })).stepIds).toHaveLength(1)
})

test('what another site had made with other parameters is named, and made again only by force', async () => {
  await addSite('dry', null, ['31TCJ'])
  await publishProduct(app.db, MAY)
  await finishConsumer(app.db, (await createNdviJob(app.db, request)).stepIds[0]!)
  const asked = { site: 'dry', createdBy: 'test', parameters: { min_sum: 0.2 } }
  expect((await createNdviJob(app.db, asked)).skipped[0]!.reason).toBe(
    `${ndviOf(MAY)} was made for site farm with min_sum 0.01 instead of 0.2; it is shared, --force makes it again for all`,
  )
  expect((await createNdviJob(app.db, { ...asked, force: true })).stepIds).toHaveLength(1)
})
