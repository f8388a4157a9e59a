import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { claimReadySteps } from '../../src/db/steps/claim-ready-steps.js'
import { completeStep } from '../../src/db/steps/complete-step.js'
import { l2a } from '../../src/processors/l2a/definition.js'
import { createL2aJob } from '../../src/scheduler/create-l2a-job.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { setSetting, stepOf } from '../support/queue.js'

let database: TestDatabase
let app: App
let siteId: number
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
})
afterAll(() => database.close())
beforeEach(async () => {
  for (const table of ['product', 'job', 'acquisition', 'setting', 'site'] as const)
    await app.db.deleteFrom(table).execute()
  const parent = await app.db
    .insertInto('site')
    .values({ slug: 'region', name: 'region', geometry: '{}', bbox: '(1,1),(0,0)' })
    .returning('id')
    .executeTakeFirstOrThrow()
  const site = await app.db
    .insertInto('site')
    .values({ slug: 'farm', name: 'farm', parent_id: parent.id, geometry: '{}', bbox: '(1,1),(0,0)' })
    .returning('id')
    .executeTakeFirstOrThrow()
  siteId = site.id
  await app.db
    .insertInto('season')
    .values({
      site_id: siteId,
      name: 'summer',
      starts_on: '2026-05-01',
      mid_on: '2026-07-01',
      ends_on: '2026-09-30',
    })
    .execute()
  for (const [tile, enabled] of [
    ['31TCJ', true],
    ['31TDJ', true],
    ['30TYP', false],
  ] as const)
    await app.db
      .insertInto('site_tile')
      .values({ site_id: siteId, satellite: 's2', tile, origin: 'auto', enabled })
      .execute()
})

const acquire = async (tile: string, sensedAt: string, state: 'present' | 'broken' = 'present') =>
  (
    await app.db
      .insertInto('acquisition')
      .values({
        identity: `${tile} ${sensedAt}`,
        satellite: 's2',
        platform: 'S2A',
        tile,
        sensed_at: sensedAt,
        location: `l1:${tile}/${sensedAt.slice(0, 10)}.SAFE`,
        state,
        reason: state === 'broken' ? 'test' : null,
      })
      .returning('id')
      .executeTakeFirstOrThrow()
  ).id
const request = { site: 'farm', createdBy: 'test' }
const acquisitionsOf = async (stepIds: readonly number[]) =>
  Promise.all(
    stepIds.map(
      async (id) => ((await stepOf(app.db, id)).params as { acquisition_id: number }).acquisition_id,
    ),
  )

test('takes present acquisitions of enabled tiles, oldest first, and no other', async () => {
  const late = await acquire('31TCJ', '2026-06-02T10:00:00Z')
  const early = await acquire('31TDJ', '2026-06-01T10:00:00Z')
  await acquire('30TYP', '2026-06-01T10:00:00Z')
  await acquire('32TLP', '2026-06-01T10:00:00Z')
  await acquire('31TCJ', '2026-06-03T10:00:00Z', 'broken')
  expect(await acquisitionsOf((await createL2aJob(app.db, request)).stepIds)).toEqual([early, late])
})

test('days of season and dates are included at both ends, in UTC', async () => {
  await acquire('31TCJ', '2026-04-30T23:59:59Z')
  const first = await acquire('31TCJ', '2026-05-01T00:00:00Z')
  const last = await acquire('31TCJ', '2026-09-30T23:59:59Z')
  await acquire('31TCJ', '2026-10-01T00:00:00Z')
  expect(
    await acquisitionsOf((await createL2aJob(app.db, { ...request, season: 'summer' })).stepIds),
  ).toEqual([first, last])
  await app.db.deleteFrom('job').execute()
  const only = await createL2aJob(app.db, { ...request, from: '2026-09-30', to: '2026-09-30' })
  expect(await acquisitionsOf(only.stepIds)).toEqual([last])
})

test('freezes parameters with their origin: by hand, site, parent, global, default; later changes do not reach the job', async () => {
  await acquire('31TCJ', '2026-06-01T10:00:00Z')
  const region = (
    await app.db.selectFrom('site').select('id').where('slug', '=', 'region').executeTakeFirstOrThrow()
  ).id
  await setSetting(app.db, 'processor.l2a.ozone', 310)
  await setSetting(app.db, 'processor.l2a.ozone', 320, region)
  await setSetting(app.db, 'processor.l2a.wv', 2.5)
  const planned = await createL2aJob(app.db, { ...request, parameters: { aot: 0.3 } })
  expect(planned.parameters).toMatchObject({
    aot: 0.3,
    ozone: 320,
    wv: 2.5,
    aerosol: 'auto',
    dem: null,
  })
  expect(planned.origins).toMatchObject({
    aot: 'cli',
    ozone: 'parent site region',
    wv: 'global',
    aerosol: 'default',
  })
  await setSetting(app.db, 'processor.l2a.ozone', 500, siteId)
  expect((await stepOf(app.db, planned.stepIds[0]!)).params).toMatchObject({
    parameters: { ozone: 320 },
    parameter_origins: { aot: 'cli', ozone: 'parent site region', wv: 'global', aerosol: 'default' },
  })
})

test('skips what is queued or made already with the same parameters and version; others and --force are made', async () => {
  const id = await acquire('31TCJ', '2026-06-01T10:00:00Z')
  const first = await createL2aJob(app.db, request)
  const again = await createL2aJob(app.db, request)
  expect(again).toMatchObject({
    jobId: null,
    stepIds: [],
    skipped: [{ acquisitionId: id, reason: `step ${first.stepIds[0]!} does it already` }],
  })
  const [claim] = await claimReadySteps(app.db, {
    executor: 'local',
    node: 'here',
    pid: 1,
    leaseSeconds: 30,
    grants: [{ id: first.stepIds[0]!, threads: 1, settingsId: 0 }],
  })
  const product = {
    name: 'P',
    level: 'L2A',
    processor: 'l2a',
    processorVersion: l2a.version,
    satellite: 's2' as const,
    platform: 'S2A',
    tile: '31TCJ',
    sensedAt: '2026-06-01T10:00:00Z',
    relativeOrbit: 51,
    acquisitionId: id,
    location: 'archive:p',
    bbox: null,
    provenance: { parameters: first.parameters },
  }
  await completeStep(app.db, claim!, [product], {})
  expect(await createL2aJob(app.db, request)).toMatchObject({
    jobId: null,
    skipped: [{ reason: 'P exists with the same parameters' }],
  })
  expect((await createL2aJob(app.db, { ...request, parameters: { aot: 0.9 } })).stepIds).toHaveLength(1)
  await app.db.deleteFrom('step').where('state', '=', 'ready').execute()
  // What retention removed is not made again by itself, whatever the parameters.
  const removed = { removed_at: new Date(), removed_reason: 'older than 30 days' }
  await app.db.updateTable('product').set(removed).where('name', '=', 'P').execute()
  for (const parameters of [{}, { aot: 0.9 }])
    expect(await createL2aJob(app.db, { ...request, parameters })).toMatchObject({
      jobId: null,
      skipped: [{ reason: 'P was removed (older than 30 days); --force makes it again' }],
    })
  expect((await createL2aJob(app.db, { ...request, force: true })).stepIds).toHaveLength(1)
})

test('a site whose engine is a program of others: frozen, and declared with what that needs', async () => {
  await acquire('31TCJ', '2026-06-01T10:00:00Z')
  const own = await createL2aJob(app.db, request)
  await app.db.deleteFrom('job').execute()
  await setSetting(app.db, 'processor.l2a.engine', 'maja', siteId)
  const { stepIds, origins } = await createL2aJob(app.db, request)
  expect(origins['engine']).toBe('site farm')
  const step = await stepOf(app.db, stepIds[0]!)
  expect(step.params).toMatchObject({ parameters: { engine: 'maja' } })
  expect(own.origins['engine']).toBe('default')
  expect(step.memory_mb).toBeGreaterThan(12_000)
  expect(step.scratch_mb).toBeGreaterThan(40_000)
  expect(step.size_class).toMatch(/^maja, /)
})

test('names what is unknown or out of range, and makes no job then', async () => {
  await expect(createL2aJob(app.db, { site: 'nowhere', createdBy: 'test' })).rejects.toMatchObject({
    code: 'NOT_FOUND',
  })
  await expect(createL2aJob(app.db, { ...request, season: 'winter' })).rejects.toThrow(
    "has no season 'winter'; it has summer",
  )
  await expect(createL2aJob(app.db, { createdBy: 'test' })).rejects.toMatchObject({ code: 'BAD_ARGUMENT' })
  await expect(createL2aJob(app.db, { ...request, parameters: { aot: -1 } })).rejects.toThrow(/aot/)
  expect(await app.db.selectFrom('job').select('id').execute()).toEqual([])
})

describe('L2A belongs to the tile', () => {
  const addSite = async (slug: string, parent: number | null, tiles: readonly string[]) => {
    const { id } = await app.db
      .insertInto('site')
      .values({ slug, name: slug, parent_id: parent, geometry: '{}', bbox: '(1,1),(0,0)' })
      .returning('id')
      .executeTakeFirstOrThrow()
    for (const tile of tiles)
      await app.db
        .insertInto('site_tile')
        .values({ site_id: id, satellite: 's2', tile, origin: 'auto', enabled: true })
        .execute()
    return id
  }
  const finish = async (stepId: number, acquisitionId: number, name: string) => {
    const grants = [{ id: stepId, threads: 1, settingsId: 0 }]
    const [claim] = await claimReadySteps(app.db, {
      ...{ executor: 'local', node: 'here', pid: 1, leaseSeconds: 30, grants },
    })
    const { parameters } = (await stepOf(app.db, stepId)).params as { parameters: unknown }
    await completeStep(
      app.db,
      claim!,
      [
        {
          ...{ name, level: 'L2A', processor: 'l2a', processorVersion: l2a.version, satellite: 's2' },
          ...{ platform: 'S2A', tile: '31TCJ', sensedAt: '2026-06-01T10:00:00Z', relativeOrbit: 51 },
          ...{ acquisitionId, location: `archive:${name}`, bbox: null },
          provenance: { parameters },
        },
      ],
      {},
    )
  }

  test('a tile of several sites is corrected once, also when their jobs are made at the same moment', async () => {
    for (let day = 10; day < 20; day++) await acquire('31TCJ', `2026-06-${day}T10:00:00Z`)
    for (const slug of ['a', 'b', 'c', 'd']) await addSite(slug, null, ['31TCJ'])
    const jobs = await Promise.all(
      ['a', 'b', 'c', 'd', 'farm'].map((site) => createL2aJob(app.db, { site, createdBy: 'test' })),
    )
    expect(jobs.filter(({ jobId }) => jobId !== null)).toHaveLength(1)
    expect(await app.db.selectFrom('step').select('id').execute()).toHaveLength(10)
  })

  test('what another site made or makes with other parameters is named, and made again only by force', async () => {
    const id = await acquire('31TCJ', '2026-06-01T10:00:00Z')
    const dry = await addSite('dry', null, ['31TCJ'])
    await setSetting(app.db, 'processor.l2a.aot', 0.05, dry)
    const first = await createL2aJob(app.db, request)
    const asked = { site: 'dry', createdBy: 'test' }
    const open = `step ${first.stepIds[0]!} of site farm makes it with aot "auto" instead of 0.05: ask again when it has ended, or cancel it`
    for (const force of [false, true])
      expect(await createL2aJob(app.db, { ...asked, force })).toMatchObject({
        jobId: null,
        skipped: [{ reason: open }],
      })
    await finish(first.stepIds[0]!, id, 'P')
    expect(await createL2aJob(app.db, asked)).toMatchObject({
      jobId: null,
      skipped: [
        {
          reason:
            'P was made for site farm with aot "auto" instead of 0.05; L2A is shared, --force makes it again for all',
        },
      ],
    })
    // Once farm does not want the tile any more, its parameters bind nobody.
    await app.db.updateTable('site_tile').set({ enabled: false }).where('site_id', '=', siteId).execute()
    expect((await createL2aJob(app.db, asked)).stepIds).toHaveLength(1)
  })

  test('a parent asks for the union over its sub-sites, each acquisition once and with the settings of the one that has it', async () => {
    const region = await app.db
      .selectFrom('site')
      .select('id')
      .where('slug', '=', 'region')
      .executeTakeFirstOrThrow()
    const east = await addSite('east', region.id, ['31TDJ', '31TEJ'])
    await setSetting(app.db, 'processor.l2a.aot', 0.2, east)
    const own = await acquire('31TCJ', '2026-06-01T10:00:00Z')
    const shared = await acquire('31TDJ', '2026-06-02T10:00:00Z')
    const easts = await acquire('31TEJ', '2026-06-03T10:00:00Z')
    const job = await createL2aJob(app.db, { site: 'region', createdBy: 'test' })
    expect(await acquisitionsOf(job.stepIds)).toEqual([own, shared, easts])
    // 'east' comes before 'farm': of two sub-sites with the tile the first by slug counts.
    const steps = await Promise.all(job.stepIds.map((step) => stepOf(app.db, step)))
    expect(steps.map((step) => step.site_id)).toEqual([siteId, east, east])
    expect(steps.map((step) => (step.params as { parameters: { aot: number } }).parameters.aot)).toEqual([
      'auto',
      0.2,
      0.2,
    ])
    expect((await createL2aJob(app.db, { site: 'east', createdBy: 'test' })).jobId).toBeNull()
  })

  test('a season of the parent bounds the work of a sub-site that has none of its own', async () => {
    const region = await app.db
      .selectFrom('site')
      .select('id')
      .where('slug', '=', 'region')
      .executeTakeFirstOrThrow()
    await app.db.updateTable('season').set({ site_id: region.id }).where('site_id', '=', siteId).execute()
    await acquire('31TCJ', '2026-04-01T10:00:00Z')
    const inside = await acquire('31TCJ', '2026-06-01T10:00:00Z')
    expect(
      await acquisitionsOf((await createL2aJob(app.db, { ...request, season: 'summer' })).stepIds),
    ).toEqual([inside])
  })
})
