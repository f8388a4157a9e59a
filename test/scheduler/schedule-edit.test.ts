import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { EXIT } from '../../src/domain/errors.js'
import { editDefault, viewDefaults } from '../../src/scheduler/schedules/defaults.js'
import { editSchedule, findSchedule, viewSchedules } from '../../src/scheduler/schedules/manage.js'
import { tilth } from '../support/cli.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { acquire, lookAt, onlyFarm } from '../support/season.js'

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
const viewed = async (name: string) => (await viewSchedules(app.db)).find((row) => row.name === name)

test('a schedule changes its kind of repeat, and only what that kind has stays', async () => {
  expect(await editSchedule(app.db, composite, { repeat: 'cyclic', everyDays: 10 })).toMatchObject({
    ...{ repeat: 'cyclic', everyDays: 10, monthDay: null },
  })
  expect(await editSchedule(app.db, composite, { repeat: 'once' })).toMatchObject({
    ...{ repeat: 'once', everyDays: null, monthDay: null },
  })
  expect(await editSchedule(app.db, composite, { repeat: 'on_date', monthDay: 31 })).toMatchObject({
    ...{ repeat: 'on_date', everyDays: null, monthDay: 31 },
  })
  // What it has already need not be said again.
  expect(await editSchedule(app.db, composite, { repeat: 'on_date' })).toMatchObject({ monthDay: 31 })
  expect(await editSchedule(app.db, composite, { repeat: 'on_product' })).toMatchObject({
    ...{ repeat: 'on_product', everyDays: null, monthDay: null },
  })
})

test('what a kind of repeat needs and what only another has is said, and nothing is changed', async () => {
  const before = await findSchedule(app.db, composite)
  const refused = (change: Parameters<typeof editSchedule>[2], words: string) =>
    expect(editSchedule(app.db, composite, change)).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
      message: expect.stringContaining(words) as string,
    })
  await refused({ repeat: 'cyclic' }, "To repeat cyclic, 'composite' needs --every")
  await refused({ repeat: 'cyclic', monthDay: 3 }, "'composite' would repeat cyclic")
  await refused({ repeat: 'once', everyDays: 3 }, '--every is for schedules that repeat cyclic')
  await expect(editSchedule(app.db, { site: 'farm', name: 'l2a' }, { repeat: 'on_date' })).rejects.toThrow(
    "To repeat on_date, 'l2a' needs --day",
  )
  await editSchedule(app.db, composite, { arguments: { half_days: 10 } })
  // Composites that are made again have the window of their name.
  await refused({ repeat: 'on_product' }, '"half_days"')
  expect(await findSchedule(app.db, composite)).toMatchObject({
    ...{ repeat: before.repeat, monthDay: before.monthDay, everyDays: null, arguments: { half_days: 10 } },
  })
  await editSchedule(app.db, composite, { repeat: 'on_product', arguments: {} })
})

test('its first day counts from the start, the middle or the end of the season', async () => {
  await editSchedule(app.db, composite, {
    ...{ repeat: 'cyclic', everyDays: 30, firstBase: 'mid', firstOffsetDays: 1 },
  })
  expect(await viewed('composite')).toMatchObject({ first: '2026-07-02', last: '2026-10-31' })
  await editSchedule(app.db, composite, { firstBase: 'end' })
  expect(await viewed('composite')).toMatchObject({ first: '2026-10-01', firstBase: 'end' })
})

test('what it waited for on days that it has no more is forgotten', async () => {
  await acquire(app.db, '2026-06-10T10:00:00Z', 'fetching')
  expect(await lookAt(app.db, '2026-07-15T00:00:00Z', 'composite')).toMatchObject([{ waitsFor: 1 }])
  await editSchedule(app.db, composite, { priority: 50 })
  expect((await findSchedule(app.db, composite)).waitsFor).toHaveLength(1)
  await editSchedule(app.db, composite, { repeat: 'once', firstBase: 'end' })
  expect(await findSchedule(app.db, composite)).toMatchObject({
    ...{ waitsFor: [], waitingSince: null, note: null },
  })
})

test('defaults are changed for the seasons to come, checked the same', async () => {
  expect((await viewDefaults(app.db)).map(({ name, repeat }) => [name, repeat])).toEqual([
    ['composite', 'on_date'],
    ['composite-renewal', 'on_product'],
    ['l2a', 'on_product'],
    ['ndvi', 'on_product'],
  ])
  const change = { repeat: 'cyclic', everyDays: 10, firstBase: 'mid', arguments: { half_days: 5 } } as const
  expect(await editDefault(app.db, 'composite', change)).toMatchObject({ ...change, monthDay: null })
  expect(await viewed('composite')).toMatchObject({ repeat: 'on_date', arguments: {} })
  await onlyFarm(app.db)
  expect(await viewed('composite')).toMatchObject({ ...change, monthDay: null, first: '2026-08-01' })
  await expect(editDefault(app.db, 'lai', {})).rejects.toThrow('there is composite, composite-renewal, l2a')
  await expect(editDefault(app.db, 'composite', { monthDay: 1 })).rejects.toThrow('--day is for')
  await expect(editDefault(app.db, 'l2a', { arguments: { aot2: 1 } })).rejects.toThrow('aot2')
})

test('the command says what became of it, and refuses what does not go together', async () => {
  const run = async (...args: string[]) => {
    const { exitCode, stdout, stderr } = await tilth(['schedule', ...args], database.env)
    return { exitCode, text: `${stdout}${stderr}` }
  }
  expect(await run('edit', 'farm', 'l2a', '--repeat', 'on-date', '--day', '3', '--base', 'mid')).toEqual({
    exitCode: EXIT.ok,
    text: 'schedule l2a of farm summer: on day 3 of each month, mid to end+60, at 00:00:00 UTC',
  })
  const edited = await run('edit', '--defaults', 'ndvi', '--last-offset', '10')
  expect(edited).toEqual({
    exitCode: EXIT.ok,
    text: 'schedule ndvi of new seasons: whenever there is something new, start to end+10, at 00:00:00 UTC',
  })
  expect((await run('list', '--defaults')).text).toMatch(/ndvi +ndvi +whenever .* start to end\+10 +\{\}/)
  for (const [args, words] of [
    [['edit', 'farm', '--retry', '5'], 'tilth schedule edit SITE SCHEDULE'],
    [['edit', 'farm', 'l2a', '--defaults', '--retry', '5'], 'of no site and no season'],
    [['edit', 'farm', 'l2a', '--repeat', 'weekly'], 'expected one of once, cyclic, on_date, on_product'],
    [['list', 'farm', '--defaults'], 'of no site and no season'],
  ] as const) {
    const { exitCode, text } = await run(...args)
    expect(text).toContain(words)
    expect(exitCode).toBe(EXIT.usage)
  }
})
