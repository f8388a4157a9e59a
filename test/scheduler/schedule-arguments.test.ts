import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { synthesisWindow } from '../../src/domain/synthesis.js'
import { editSchedule, runScheduleNow } from '../../src/scheduler/schedules/manage.js'
import { finishConsumer, publishProduct } from '../support/consumers.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { setSetting } from '../support/queue.js'
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

const give = (name: string, given: unknown) =>
  editSchedule(app.db, { site: 'farm', name }, { arguments: given })

test('arguments reach the frozen parameters of what is new, win over settings, and say where they come from', async () => {
  await setSetting(app.db, 'processor.l2a.max_cloud', 80)
  await give('l2a', { max_cloud: 60, aerosol: 'maritime' })
  await give('ndvi', { min_sum: 0.05 })
  await acquire(app.db, '2026-06-01T10:00:00Z')
  expect(await lookAt(app.db, '2026-06-02T00:00:00Z', 'l2a')).toMatchObject([{ steps: 1, error: null }])
  expect(await frozenOf(app.db, 'l2a')).toMatchObject([
    {
      parameters: { max_cloud: 60, aerosol: 'maritime', aot: 'auto' },
      parameter_origins: { max_cloud: 'schedule l2a', aerosol: 'schedule l2a', aot: 'default' },
    },
  ])
  const job = await app.db.selectFrom('job').select('settings').where('processor', '=', 'l2a').execute()
  expect(job[0]?.settings).toMatchObject({
    'processor.l2a.max_cloud': {
      value: 60,
      origin: { kind: 'job', from: { kind: 'schedule', schedule: 'l2a' } },
    },
  })
  await publishProduct(app.db, 'S2A_L2A_31TCJ_20260603T105031_R051')
  expect(await lookAt(app.db, '2026-06-04T00:00:00Z', 'ndvi')).toMatchObject([{ steps: 1, error: null }])
  expect(await frozenOf(app.db, 'ndvi')).toMatchObject([
    { parameters: { min_sum: 0.05 }, parameter_origins: { min_sum: 'schedule ndvi' } },
  ])
})

test('they reach what is made by hand from a schedule too', async () => {
  await give('l2a', { nbar: true, dem: null })
  await acquire(app.db, '2026-06-01T10:00:00Z')
  await runScheduleNow(app.db, { site: 'farm', name: 'l2a' }, 'ann')
  expect(await frozenOf(app.db, 'l2a')).toMatchObject([{ parameters: { nbar: true, dem: null } }])
})

test('a window that is given is the one whose L2A a composite waits for, and that it has', async () => {
  await give('composite', { half_days: 10, weight_date_min: 0.3 })
  await publishProduct(app.db, 'S2A_L2A_31TCJ_20260620T105031_R051')
  // 11 days from 15 June: within the window of 25 days of the settings, not within that of the schedule.
  await acquire(app.db, '2026-06-26T10:00:00Z', 'fetching')
  expect(await lookAt(app.db, '2026-07-15T00:00:00Z', 'composite')).toEqual([
    { steps: 1, waitsFor: 0, error: null },
  ])
  expect(await frozenOf(app.db, 'composite')).toMatchObject([
    { product: 'S2_L3A_31TCJ_20260615T120000_H010', parameters: { half_days: 10, weight_date_min: 0.3 } },
  ])
})

test('a composite that is made again or late has the arguments of the schedule that asked for its day', async () => {
  await give('composite', { half_days: 10, weight_date_min: 0.3 })
  expect(await lookAt(app.db, '2026-07-15T00:00:00Z', 'composite')).toMatchObject([{ steps: 0 }])
  await publishProduct(app.db, 'S2A_L2A_31TCJ_20260626T105031_R051')
  expect(await lookAt(app.db, '2026-07-16T00:00:00Z', 'composite-renewal')).toEqual([])
  await publishProduct(app.db, 'S2A_L2A_31TCJ_20260620T105031_R051')
  expect(await lookAt(app.db, '2026-07-17T00:00:00Z', 'composite-renewal')).toMatchObject([{ steps: 1 }])
  const late = { product: 'S2_L3A_31TCJ_20260615T120000_H010' }
  const given = { parameters: { half_days: 10, weight_date_min: 0.3 } }
  expect(await frozenOf(app.db, 'composite')).toMatchObject([{ ...late, ...given }])
  const [step] = await app.db.selectFrom('step').select('id').where('processor', '=', 'composite').execute()
  const { from, to } = synthesisWindow({ day: '2026-06-15', halfDays: 10 })
  await finishConsumer(app.db, step!.id, { window: { from: from.toISOString(), to: to.toISOString() } })
  await publishProduct(app.db, 'S2A_L2A_31TCJ_20260610T105031_R051')
  await give('composite-renewal', { weight_date_min: 0.4 })
  expect(await lookAt(app.db, '2026-07-18T00:00:00Z', 'composite-renewal')).toMatchObject([{ steps: 1 }])
  expect((await frozenOf(app.db, 'composite'))[1]).toMatchObject({
    ...late,
    parameters: { half_days: 10, weight_date_min: 0.4 },
  })
})

test('one that the processor does not know, out of its range, or of no use is refused with its name', async () => {
  const refused = (name: string, given: unknown, words: string) =>
    expect(give(name, given)).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
      message: expect.stringContaining(words) as string,
    })
  await refused('l2a', { aot2: 1 }, `Arguments of schedule 'l2a': Unrecognized key: "aot2"`)
  await refused('l2a', { max_cloud: 101 }, 'max_cloud: ')
  await refused('l2a', { dem: 'dem.tif' }, 'dem: expected text: an absolute path')
  await refused('composite', { half_days: 0 }, 'half_days: ')
  await refused('composite', [1], 'expected object')
  // The name of a composite that is made again says its window.
  await refused('composite-renewal', { half_days: 10 }, '"half_days"')
  await expect(give('composite', {})).resolves.toMatchObject({ arguments: {} })
})

test('arguments that got into the row otherwise keep their schedule from running, and no other', async () => {
  await app.db
    .updateTable('schedule')
    .set({ arguments: { aot2: 1 } })
    .where('name', '=', 'l2a')
    .execute()
  await acquire(app.db, '2026-06-01T10:00:00Z')
  const [looked] = await lookAt(app.db, '2026-06-02T00:00:00Z', 'l2a')
  expect(looked?.error).toContain('BAD_ARGUMENT: Arguments of schedule')
  expect(await frozenOf(app.db, 'l2a')).toEqual([])
})
