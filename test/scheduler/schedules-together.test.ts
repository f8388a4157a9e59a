import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { moveClock } from '../../src/scheduler/schedules/clock.js'
import { lookAtSchedules } from '../../src/scheduler/schedules/look.js'
import { SCHEDULED, type ScheduledProcessors } from '../../src/scheduler/schedules/scheduled-processor.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'

let database: TestDatabase
let app: App
let siteId: number
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
})
afterAll(() => database.close())
beforeEach(async () => {
  for (const table of ['product', 'job', 'acquisition', 'setting', 'site', 'season_clock'] as const)
    await app.db.deleteFrom(table).execute()
  siteId = await addSite('farm')
  await moveClock(app.db, { at: new Date('2026-06-10T12:00:00Z'), speed: 0, real: false })
})

async function addSite(slug: string): Promise<number> {
  const { id } = await app.db
    .insertInto('site')
    .values({ slug, name: slug, geometry: '{}', bbox: '(1,1),(0,0)' })
    .returning('id')
    .executeTakeFirstOrThrow()
  const days = { starts_on: '2026-05-01', mid_on: '2026-07-01', ends_on: '2026-09-30' }
  await app.db
    .insertInto('season')
    .values({ site_id: id, name: 'summer', ...days })
    .execute()
  await app.db
    .insertInto('site_tile')
    .values({ site_id: id, satellite: 's2', tile: '31TCJ', origin: 'auto', enabled: true })
    .execute()
  return id
}

const acquire = (sensedAt: string) =>
  app.db
    .insertInto('acquisition')
    .values({
      ...{ identity: sensedAt, satellite: 's2', platform: 'S2A', tile: '31TCJ', state: 'present' },
      ...{ sensed_at: sensedAt, location: `l1:${sensedAt}` },
    })
    .execute()

test('of seasons that are planned together the one that fails says so, and the others run', async () => {
  const broken = await addSite('broken')
  await addSite('other')
  await acquire('2026-06-01T10:00:00Z')
  const processors: ScheduledProcessors = {
    ...SCHEDULED,
    l2a: {
      ...SCHEDULED['l2a']!,
      createNew: async (trx, news) => {
        const jobs = (await SCHEDULED['l2a']?.createNew?.(trx, news)) ?? []
        // What was written before is undone with it.
        if (news.some(({ siteId: id }) => id === broken)) throw new Error('no plan')
        return jobs
      },
      create: (trx, request) => {
        if (request.schedule.siteId === broken) throw new Error('no plan')
        return SCHEDULED['l2a']!.create(trx, request)
      },
    },
  }
  const results = await lookAtSchedules(app.db, { processors })
  expect(results.map(({ schedule, steps, error }) => [schedule.site, steps, error])).toEqual([
    ['broken', 0, 'INTERNAL: no plan'],
    ['farm', 1, null],
    ['other', 0, null],
  ])
  expect(await app.db.selectFrom('job').select('site_id').execute()).toEqual([{ site_id: siteId }])
})

test('a tile of many seasons is planned for the first of them in one look', async () => {
  for (const slug of ['a', 'b', 'c']) await addSite(slug)
  await acquire('2026-06-01T10:00:00Z')
  await acquire('2026-06-02T10:00:00Z')
  expect((await lookAtSchedules(app.db)).map(({ schedule, steps }) => [schedule.site, steps])).toEqual([
    ['a', 2],
    ['b', 0],
    ['c', 0],
    ['farm', 0],
  ])
  const steps = await app.db.selectFrom('step').select(['job_id', 'task_id', 'state']).execute()
  expect(new Set(steps.map(({ job_id }) => job_id)).size).toBe(1)
  expect(await lookAtSchedules(app.db)).toEqual([])
})
