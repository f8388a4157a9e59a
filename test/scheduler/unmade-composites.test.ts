import { afterAll, beforeAll, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { addSeason } from '../../src/catalog/seasons.js'
import { addSite } from '../../src/catalog/sites.js'
import { synthesisWindow } from '../../src/domain/synthesis.js'
import { moveClock } from '../../src/scheduler/schedules/clock.js'
import { lookAtSchedules } from '../../src/scheduler/schedules/look.js'
import { finishConsumer, publishProduct } from '../support/consumers.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { setSetting } from '../support/queue.js'

let database: TestDatabase
let app: App
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
  const ring = [
    [1.4, 43.5],
    [1.5, 43.5],
    [1.5, 43.6],
    [1.4, 43.6],
    [1.4, 43.5],
  ] as const
  await addSite(app.db, { name: 'Farm', area: { type: 'Polygon', coordinates: [ring] } })
  await addSeason(app.db, 'farm', { name: 'summer', startsOn: '2026-05-01', endsOn: '2026-09-30' })
})
afterAll(() => database.close())

/** What a look at all schedules makes of composites: schedule and steps. */
async function look(at: string) {
  await moveClock(app.db, { at: new Date(at), speed: 0, real: false })
  await app.db
    .updateTable('schedule')
    .set({ look_at: new Date(0) })
    .execute()
  return (await lookAtSchedules(app.db)).flatMap(({ schedule, steps, error }) =>
    schedule.processor === 'composite' ? [{ name: schedule.name, steps, error }] : [],
  )
}
const stepsOfComposites = () =>
  app.db
    .selectFrom('step')
    .select(['id', 'params'])
    .where('processor', '=', 'composite')
    .orderBy('id')
    .execute()

test('months whose first date is published after their composites were due get them then, each once; a month without any date never', async () => {
  expect(await look('2026-08-20T00:00:00Z')).toEqual([{ name: 'composite', steps: 0, error: null }])
  expect(await look('2026-08-20T00:00:00Z')).toEqual([])
  // 24 days from the noon of 15 June and 6 from that of 15 July; nothing lies near 15 May, and 15 August is not due.
  await publishProduct(app.db, 'S2A_L2A_31TCJ_20260709T105031_R051')
  expect(await look('2026-08-20T00:00:00Z')).toEqual([{ name: 'composite-renewal', steps: 2, error: null }])
  const steps = await stepsOfComposites()
  expect(steps.map(({ params }) => (params as { product: string }).product)).toEqual([
    'S2_L3A_31TCJ_20260615T120000_H025',
    'S2_L3A_31TCJ_20260715T120000_H025',
  ])
  expect(await look('2026-08-20T00:00:00Z')).toMatchObject([{ steps: 0 }])
  for (const { id, params } of steps) {
    const { from, to } = synthesisWindow({ day: (params as { day: string }).day, halfDays: 25 })
    await finishConsumer(app.db, id, { window: { from: from.toISOString(), to: to.toISOString() } })
  }
  expect(await look('2026-08-20T00:00:00Z')).toEqual([])
  expect(await stepsOfComposites()).toHaveLength(2)
})

test('the window is the one that the setting of the site gives', async () => {
  await app.db.deleteFrom('product').where('processor', '=', 'composite').execute()
  await app.db.deleteFrom('job').execute()
  await setSetting(app.db, 'processor.composite.half_days', 10)
  expect(await look('2026-08-21T00:00:00Z')).toEqual([{ name: 'composite-renewal', steps: 1, error: null }])
  expect((await stepsOfComposites()).map(({ params }) => params)).toMatchObject([
    { product: 'S2_L3A_31TCJ_20260715T120000_H010' },
  ])
})
