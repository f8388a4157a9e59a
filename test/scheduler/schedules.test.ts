import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { App } from '../../src/app.js'
import { claimReadySteps } from '../../src/db/steps/claim-ready-steps.js'
import { completeStep } from '../../src/db/steps/complete-step.js'
import { failStep } from '../../src/db/steps/end-attempt.js'
import { dayNumber, dayText } from '../../src/domain/calendar-day.js'
import { moveClock } from '../../src/scheduler/schedules/clock.js'
import { lookAtSchedules } from '../../src/scheduler/schedules/look.js'
import {
  editSchedule,
  findSchedule,
  runScheduleNow,
  showSchedule,
  viewSchedules,
} from '../../src/scheduler/schedules/manage.js'
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
  await clock('2026-06-10T12:00:00Z')
})

const clock = (at: string) => moveClock(app.db, { at: new Date(at), speed: 0, real: false })
const l2aOf = { site: 'farm', name: 'l2a' }

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

async function acquire(sensedAt: string, state: 'present' | 'fetching' = 'present'): Promise<number> {
  const { id } = await app.db
    .insertInto('acquisition')
    .values({
      identity: `31TCJ ${sensedAt}`,
      satellite: 's2',
      platform: 'S2A',
      tile: '31TCJ',
      sensed_at: sensedAt,
      location: `l1:31TCJ/${sensedAt.slice(0, 10)}.SAFE`,
      state,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  return id
}

/** All schedules are due for a look again, as after their `retry_s`. */
const later = () =>
  app.db
    .updateTable('schedule')
    .set({ look_at: new Date(0) })
    .execute()

async function look() {
  await later()
  return (await lookAtSchedules(app.db)).map(({ schedule, steps, waitsFor, error }) => ({
    name: `${schedule.site} ${schedule.name}`,
    steps,
    waitsFor: waitsFor.length,
    error,
  }))
}

async function claimAll() {
  const ready = await app.db
    .selectFrom('step')
    .select('id')
    .where('state', '=', 'ready')
    .orderBy('id')
    .execute()
  return claimReadySteps(app.db, {
    executor: 'local',
    node: 'test',
    pid: 1,
    leaseSeconds: 60,
    grants: ready.map(({ id }) => ({ id, threads: 1, settingsId: 1 })),
  })
}

/** A second schedule of the site's season: the same processor on the last of each month, for what a test says it reads. */
async function addMonthly(waitDays: number): Promise<void> {
  await sql`
    insert into schedule (season_id, name, processor, repeat, month_day, first_base, first_offset_days, last_offset_days, at_time, time_zone, wait_days,
      retry_s, priority, arguments)
    select id, 'monthly', 'reader', 'on_date', 31, 'start', 0, 0, '00:00', 'UTC', ${waitDays}, 60, 50, '{}' from season where site_id = ${siteId}`.execute(
    app.db,
  )
}

/** Reads the L2A of the 30 days up to its day, and notes for which days it was asked. */
function reader(asked: (readonly string[])[]): ScheduledProcessors {
  return {
    ...SCHEDULED,
    reader: {
      arguments: () => z.strictObject({}),
      window: (_trx, _schedule, day) => Promise.resolve({ from: dayText(dayNumber(day) - 30), to: day }),
      seasonsWithNew: () => Promise.resolve(new Map()),
      create: (_, { days }) => {
        asked.push(days)
        return Promise.resolve({ jobId: null, stepIds: [] })
      },
    },
  }
}

describe('a season', () => {
  test('has the default schedules from the start, and loses them with itself', async () => {
    const view = await viewSchedules(app.db)
    expect(view.map(({ name, repeat, first, last }) => ({ name, repeat, first, last }))).toEqual([
      { name: 'composite', repeat: 'on_date', first: '2026-06-01', last: '2026-10-31' },
      { name: 'composite-renewal', repeat: 'on_product', first: '2026-06-01', last: '2027-01-28' },
      { name: 'l2a', repeat: 'on_product', first: '2026-05-01', last: '2026-11-29' },
      { name: 'ndvi', repeat: 'on_product', first: '2026-05-01', last: '2026-12-29' },
    ])
    await app.db.deleteFrom('season').execute()
    expect(await viewSchedules(app.db)).toEqual([])
  })
})

describe('on product', () => {
  test('each new acquisition of the season gets one job, and what was tried is not tried again', async () => {
    await acquire('2026-04-30T10:00:00Z')
    expect(await look()).toEqual([])
    await acquire('2026-06-01T10:00:00Z')
    expect(await look()).toEqual([{ name: 'farm l2a', steps: 1, waitsFor: 0, error: null }])
    expect(await look()).toEqual([])
    const [claim] = await claimAll()
    if (claim === undefined) throw new Error('nothing was ready')
    const failure = { code: 'INPUT_INVALID', failure: 'permanent', message: 'broken', lastLines: [] } as const
    await failStep(app.db, claim, failure, () => ({ kind: 'fail' }), {})
    expect(await look()).toEqual([])
    // A late one, sensed before the one that was tried.
    await acquire('2026-05-20T10:00:00Z')
    expect(await look()).toMatchObject([{ steps: 1 }])
  })

  test('what became stale after its last try is made again, once', async () => {
    const id = await acquire('2026-06-01T10:00:00Z')
    await look()
    const [claim] = await claimAll()
    if (claim === undefined) throw new Error('nothing was ready')
    await completeStep(app.db, claim, [product(id)], {})
    // Its NDVI follows by the other schedule, once.
    expect(await look()).toEqual([{ name: 'farm ndvi', steps: 1, waitsFor: 0, error: null }])
    expect(await look()).toEqual([])
    const newer = await acquire('2026-06-01T10:00:01Z')
    await app.db
      .updateTable('acquisition')
      .set({ state: 'superseded', superseded_by: newer })
      .where('id', '=', id)
      .execute()
    expect(await look()).toMatchObject([{ steps: 1 }])
    expect(await look()).toEqual([])
  })

  test('nothing runs before the season, long after it, for a paused schedule or a paused site', async () => {
    await acquire('2026-06-01T10:00:00Z')
    await clock('2026-04-30T23:59:59Z')
    expect(await look()).toEqual([])
    await clock('2026-11-30T00:00:00Z')
    expect((await look()).filter(({ name }) => name === 'farm l2a')).toEqual([])
    await clock('2026-06-10T12:00:00Z')
    await editSchedule(app.db, l2aOf, { paused: true })
    expect(await look()).toEqual([])
    await editSchedule(app.db, l2aOf, { paused: false })
    await app.db.updateTable('site').set({ paused: true }).execute()
    expect(await look()).toEqual([])
    await app.db.updateTable('site').set({ paused: false }).execute()
    expect(await look()).toMatchObject([{ steps: 1 }])
  })

  test('a tile of two sites is corrected once, and ten looks at once make one job', async () => {
    await addSite('neighbour')
    await acquire('2026-06-01T10:00:00Z')
    await later()
    const looked = (await Promise.all(Array.from({ length: 10 }, () => lookAtSchedules(app.db)))).flat()
    expect(looked.filter(({ jobId }) => jobId !== null)).toHaveLength(1)
    expect(looked.filter(({ error }) => error !== null)).toEqual([])
    expect(await app.db.selectFrom('step').select('id').execute()).toHaveLength(1)
  })
})

describe('on a day', () => {
  test('missed days are answered by one run, and answered once', async () => {
    await addMonthly(0)
    const asked: (readonly string[])[] = []
    const processors = reader(asked)
    await clock('2026-07-31T00:00:00Z')
    await later()
    await lookAtSchedules(app.db, { processors })
    await later()
    await lookAtSchedules(app.db, { processors })
    expect(asked).toEqual([['2026-05-31', '2026-06-30', '2026-07-31']])
    const { runs } = await showSchedule(app.db, { site: 'farm', name: 'monthly' })
    expect(runs).toMatchObject([{ dueOn: '2026-07-31', caughtUp: 2, by: 'schedule', steps: 0, missing: [] }])
    expect(await findSchedule(app.db, { site: 'farm', name: 'monthly' })).toMatchObject({
      doneThrough: '2026-07-31',
    })
  })

  test('it waits for what is pending in its window, and after its deadline says what it ran without', async () => {
    await addMonthly(10)
    const asked: (readonly string[])[] = []
    const processors = reader(asked)
    const pending = await acquire('2026-05-20T10:00:00Z', 'fetching')
    await acquire('2026-06-20T10:00:00Z', 'fetching')
    const lookNow = async () => {
      await later()
      return (await lookAtSchedules(app.db, { processors })).filter(
        ({ schedule }) => schedule.name === 'monthly',
      )
    }
    await clock('2026-05-31T08:00:00Z')
    expect(await lookNow()).toMatchObject([
      { jobId: null, waitsFor: [`acquisition ${pending} (31TCJ, 2026-05-20) is being fetched`] },
    ])
    await clock('2026-06-09T23:59:59Z')
    expect(await lookNow()).toHaveLength(1)
    expect(asked).toEqual([])
    const [waiting] = (await viewSchedules(app.db)).filter(({ name }) => name === 'monthly')
    expect(waiting).toMatchObject({ due: ['2026-05-31'], note: 'waits for 1 inputs until 2026-06-10' })
    await clock('2026-06-10T00:00:00Z')
    await lookNow()
    expect(asked).toEqual([['2026-05-31']])
    const { runs, schedule } = await showSchedule(app.db, { site: 'farm', name: 'monthly' })
    expect(runs).toMatchObject([{ missing: [`acquisition ${pending} (31TCJ, 2026-05-20) is being fetched`] }])
    expect(schedule).toMatchObject({ waitsFor: [], waitingSince: null })
  })

  test('a season in the past waits from when it first looked, not from days long gone', async () => {
    await addMonthly(10)
    const asked: (readonly string[])[] = []
    const id = await acquire('2026-05-20T10:00:00Z', 'fetching')
    await clock('2027-03-01T00:00:00Z')
    await later()
    await lookAtSchedules(app.db, { processors: reader(asked) })
    // Months whose own days are complete do not wait for it.
    const complete = ['2026-06-30', '2026-07-31', '2026-08-31', '2026-09-30']
    expect(asked).toEqual([complete])
    await app.db
      .updateTable('acquisition')
      .set({ state: 'broken', reason: 'cut short', reason_code: 'X' })
      .where('id', '=', id)
      .execute()
    await later()
    await lookAtSchedules(app.db, { processors: reader(asked) })
    expect(asked).toEqual([complete, ['2026-05-31']])
    const { runs } = await showSchedule(app.db, { site: 'farm', name: 'monthly' })
    expect(runs[0]?.missing).toEqual([`acquisition ${id} (31TCJ, 2026-05-20) is broken: X cut short`])
  })

  test('what fails in one schedule is written there and keeps no other from running', async () => {
    await addMonthly(0)
    await acquire('2026-06-01T10:00:00Z')
    const results = await look()
    expect(results).toMatchObject([{ name: 'farm l2a', steps: 1 }, { name: 'farm monthly' }])
    expect(results[1]?.error).toContain("NOT_FOUND: No processor 'reader' can be scheduled")
    const [row] = (await viewSchedules(app.db)).filter(({ name }) => name === 'monthly')
    expect(row).toMatchObject({ errorCode: 'NOT_FOUND', due: ['2026-05-31'] })
  })
})

describe('composites', () => {
  const named = async (name: string) => (await look()).filter((each) => each.name === `farm ${name}`)

  test('around the 15th, a month later, once its window is complete; and again when a date appears in it', async () => {
    const first = await acquire('2026-06-10T10:00:00Z')
    await clock('2026-07-14T23:59:59Z')
    await look()
    const [claim] = await claimAll()
    if (claim === undefined) throw new Error('nothing was ready')
    await clock('2026-07-15T00:00:00Z')
    expect(await named('composite')).toMatchObject([{ steps: 0, waitsFor: 1 }])
    await completeStep(app.db, claim, [product(first, '2026-06-10T10:00:00Z')], {})
    expect(await named('composite')).toEqual([{ name: 'farm composite', steps: 1, waitsFor: 0, error: null }])
    expect(await named('composite')).toEqual([])
    const made = (
      await app.db.selectFrom('task').select('params').where('processor', '=', 'composite').execute()
    )[0]
    expect(made?.params).toMatchObject({ day: '2026-06-15', product: 'S2_L3A_31TCJ_20260615T120000_H025' })
    const composites = (await claimAll()).filter(({ processor }) => processor === 'composite')
    for (const each of composites) await completeStep(app.db, each, [compositeProduct()], {})
    expect(await named('composite-renewal')).toEqual([])
    const late = await acquire('2026-06-25T10:00:00Z')
    await look()
    for (const each of await claimAll())
      if (each.processor === 'l2a')
        await completeStep(app.db, each, [product(late, '2026-06-25T10:00:00Z')], {})
    expect(await named('composite-renewal')).toMatchObject([{ steps: 1 }])
    // It stays stale until that step has ended, and is not asked for twice.
    expect(await named('composite-renewal')).toMatchObject([{ steps: 0, error: null }])
  })
})

describe('by hand', () => {
  test('it runs now and is written to the history with who did it', async () => {
    await acquire('2026-06-01T10:00:00Z')
    await clock('2026-04-01T00:00:00Z')
    expect(await runScheduleNow(app.db, l2aOf, 'ann')).toMatchObject({ steps: 1 })
    expect((await showSchedule(app.db, l2aOf)).runs).toMatchObject([{ by: 'ann', dueOn: null, steps: 1 }])
  })

  test('what its kind does not have, no time zone, and unknown names are refused', async () => {
    await expect(editSchedule(app.db, l2aOf, { monthDay: 3 })).rejects.toThrow('on_date')
    await expect(editSchedule(app.db, l2aOf, { timeZone: 'Mars/Olympus' })).rejects.toThrow('no time zone')
    await expect(editSchedule(app.db, l2aOf, { timeZone: '+02:00' })).rejects.toThrow('no time zone')
    await expect(editSchedule(app.db, l2aOf, { arguments: { depth: 1 } })).rejects.toThrow(
      'Arguments of schedule',
    )
    await expect(findSchedule(app.db, { site: 'farm', name: 'lai' })).rejects.toThrow(
      'it has composite (summer), composite-renewal (summer), l2a (summer)',
    )
  })

  test('the day of a schedule is that of its time zone', async () => {
    await addMonthly(0)
    await editSchedule(
      app.db,
      { site: 'farm', name: 'monthly' },
      { timeZone: 'Pacific/Auckland', atTime: '06:00' },
    )
    const due = async () => (await viewSchedules(app.db)).find(({ name }) => name === 'monthly')?.due.at(-1)
    // 06:00 of 31 May in Auckland is 18:00 UTC of the day before.
    await clock('2026-05-30T17:59:59Z')
    expect(await due()).toBeUndefined()
    await clock('2026-05-30T18:00:00Z')
    expect(await due()).toBe('2026-05-31')
  })
})

const product = (acquisitionId: number, sensedAt = '2026-06-01T10:00:00Z') =>
  ({
    name: `S2A_L2A_31TCJ_${acquisitionId}`,
    level: 'L2A',
    processor: 'l2a',
    processorVersion: 1,
    satellite: 's2',
    platform: 'S2A',
    tile: '31TCJ',
    sensedAt,
    relativeOrbit: 51,
    acquisitionId,
    location: `archive:L2A/${acquisitionId}/r1-1`,
    bbox: null,
    provenance: {},
  }) as const

const compositeProduct = () =>
  ({
    ...product(0),
    name: 'S2_L3A_31TCJ_20260615T120000_H025',
    level: 'L3A',
    processor: 'composite',
    platform: 'S2',
    sensedAt: '2026-06-15T12:00:00Z',
    relativeOrbit: null,
    acquisitionId: null,
    location: 'archive:L3A/31TCJ/r9-1',
    window: { from: '2026-05-21T12:00:00Z', to: '2026-07-10T12:00:00Z' },
    provenance: { parameters: { half_days: 25, weight_date_min: 0.5 } },
  }) as const
