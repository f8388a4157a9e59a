import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { App } from '../../src/app.js'
import { moveClock } from '../../src/scheduler/schedules/clock.js'
import {
  editSchedule,
  findSchedule,
  runScheduleNow,
  showSchedule,
} from '../../src/scheduler/schedules/manage.js'
import { SCHEDULED, type ScheduledProcessors } from '../../src/scheduler/schedules/scheduled-processor.js'
import { publishProduct } from '../support/consumers.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { acquire, frozenOf, lookAt, onlyFarm } from '../support/season.js'

let database: TestDatabase
let app: App
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
})
afterAll(() => database.close())
beforeEach(async () => {
  await onlyFarm(app.db)
})

const composite = { site: 'farm', name: 'composite' }

/** Each run for a day reads the L2A of that very day; notes which days were asked for. */
function ofItsDay(asked: (readonly string[])[]): ScheduledProcessors {
  return {
    ...SCHEDULED,
    composite: {
      arguments: () => z.strictObject({}),
      window: (_trx, _schedule, day) => Promise.resolve({ from: day, to: day }),
      seasonsWithNew: () => Promise.resolve(new Map()),
      create: (_, { days }) => {
        asked.push(days)
        return Promise.resolve({ jobId: null, stepIds: [] })
      },
    },
  }
}

test('where days come faster than it waits, each runs at its own deadline and no later one puts it off', async () => {
  const asked: (readonly string[])[] = []
  const processors = ofItsDay(asked)
  await editSchedule(app.db, composite, {
    ...{ repeat: 'cyclic', everyDays: 4, firstOffsetDays: 0, waitDays: 10 },
  })
  // 1, 5, 9, 13 May, ...: nothing of any of them ever comes.
  for (const day of ['01', '05', '09', '13', '17'])
    await acquire(app.db, `2026-05-${day}T10:00:00Z`, 'fetching')
  const look = (day: string) => lookAt(app.db, `2026-05-${day}T06:00:00Z`, 'composite', processors)
  for (const day of ['01', '05', '09', '10']) await look(day)
  expect(asked).toEqual([])
  expect(await look('11')).toEqual([{ steps: 0, waitsFor: 2, error: null }])
  expect(asked).toEqual([['2026-05-01']])
  expect(await findSchedule(app.db, composite)).toMatchObject({
    ...{ doneThrough: '2026-05-01', answeredDays: [] },
    note: 'nothing to do, without 1 inputs; waits for 2 inputs until 2026-05-15',
  })
  await look('14')
  expect(asked).toHaveLength(1)
  await look('15')
  expect(asked).toEqual([['2026-05-01'], ['2026-05-05']])
  const { runs } = await showSchedule(app.db, composite)
  expect(runs.map(({ dueOn, caughtUp, missing }) => [dueOn, caughtUp, missing.length])).toEqual([
    ['2026-05-05', 0, 1],
    ['2026-05-01', 0, 1],
  ])
})

test('a day that is complete runs, and the one before it that still waits stays due', async () => {
  const asked: (readonly string[])[] = []
  const processors = ofItsDay(asked)
  await editSchedule(app.db, composite, {
    ...{ repeat: 'cyclic', everyDays: 4, firstOffsetDays: 0, waitDays: 10 },
  })
  const late = await acquire(app.db, '2026-05-01T10:00:00Z', 'fetching')
  expect(await lookAt(app.db, '2026-05-05T06:00:00Z', 'composite', processors)).toEqual([
    { steps: 0, waitsFor: 1, error: null },
  ])
  expect(asked).toEqual([['2026-05-05']])
  expect(await findSchedule(app.db, composite)).toMatchObject({
    ...{ doneThrough: null, answeredDays: ['2026-05-05'] },
    waitsFor: [`acquisition ${late} (31TCJ, 2026-05-01) is being fetched`],
  })
  await lookAt(app.db, '2026-05-06T06:00:00Z', 'composite', processors)
  expect(asked).toHaveLength(1)
  await app.db.updateTable('acquisition').set({ state: 'ignored', reason: 'x', reason_code: 'X' }).execute()
  await lookAt(app.db, '2026-05-07T06:00:00Z', 'composite', processors)
  expect(asked).toEqual([['2026-05-05'], ['2026-05-01']])
  expect(await findSchedule(app.db, composite)).toMatchObject({
    ...{ doneThrough: '2026-05-05', answeredDays: [], waitsFor: [], waitingSince: null },
  })
  await lookAt(app.db, '2026-05-08T06:00:00Z', 'composite', processors)
  expect(asked).toHaveLength(2)
})

describe('by hand', () => {
  const products = async () => (await frozenOf(app.db, 'composite')).map(({ product }) => product)
  const june = 'S2_L3A_31TCJ_20260615T120000_H025'

  test('a composite is that of the day that is due, whatever day it is, and its day waits on', async () => {
    await publishProduct(app.db, 'S2A_L2A_31TCJ_20260612T105031_R051')
    await acquire(app.db, '2026-06-25T10:00:00Z', 'fetching')
    expect(await lookAt(app.db, '2026-07-20T06:00:00Z', 'composite')).toMatchObject([{ waitsFor: 1 }])
    expect(await runScheduleNow(app.db, composite, 'ann')).toMatchObject({ steps: 1 })
    expect(await products()).toEqual([june])
    expect((await showSchedule(app.db, composite)).runs[0]).toMatchObject({
      ...{ by: 'ann', dueOn: null },
      missing: [expect.stringContaining('2026-06-25') as string],
    })
    expect((await findSchedule(app.db, composite)).waitsFor).toHaveLength(1)
    expect(await lookAt(app.db, '2026-07-21T06:00:00Z', 'composite')).toMatchObject([{ waitsFor: 1 }])
  })

  test('where none is due it is that of the latest day, and before the first that of the first', async () => {
    expect(await lookAt(app.db, '2026-07-15T06:00:00Z', 'composite')).toMatchObject([{ steps: 0 }])
    await publishProduct(app.db, 'S2A_L2A_31TCJ_20260612T105031_R051')
    await moveClock(app.db, { at: new Date('2026-07-20T06:00:00Z'), speed: 0, real: false })
    expect(await runScheduleNow(app.db, composite, 'ann')).toMatchObject({ steps: 1 })
    expect(await products()).toEqual([june])
    await onlyFarm(app.db)
    await publishProduct(app.db, 'S2A_L2A_31TCJ_20260512T105031_R051')
    await moveClock(app.db, { at: new Date('2026-05-20T06:00:00Z'), speed: 0, real: false })
    expect(await runScheduleNow(app.db, composite, 'ann')).toMatchObject({ steps: 1 })
    expect(await products()).toEqual(['S2_L3A_31TCJ_20260515T120000_H025'])
  })
})
