import {
  copyFileSync,
  readFileSync,
  readdirSync,
  renameSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { simulateL1c } from '../../src/simulator/simulate-l1c.js'
import { temporaryFolder, tilth } from '../support/cli.js'
import { productOf } from '../support/consumers.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'

const folder = temporaryFolder('partial')
let database: TestDatabase
let app: App
const run = async (...args: string[]): Promise<string> => {
  const result = await tilth(args, database.env)
  expect(result.exitCode, `${args.join(' ')}: ${result.stderr}`).toBe(0)
  return result.stdout
}
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
})
afterAll(() => database.close())

const NAME = 'S2_L3A_31TCJ_20250610T120000_H025'
const read = async (file: string) => {
  const { location } = await productOf(app.db, NAME)
  const path = join(database.config.home, 'archive', location.replace('archive:', ''), file)
  return JSON.parse(readFileSync(path, 'utf8')) as {
    properties: Record<string, unknown>
    composite: { dates: number; gaps: { day: string; why: string }[] }
    flags: string[]
    notes: string[]
  }
}

test('a date whose file is damaged leaves a partial composite; repaired and tried again, it is in the next revision', async () => {
  for (const date of ['2025-06-04', '2025-06-14'])
    await simulateL1c({
      ...{ tile: '31TCJ', date, pixelSizeM: 600, seed: 3, baseline: '05.11', outDir: folder },
      withTci: false,
    })
  const polygon = join(folder, 'field.geojson')
  const ring = [[0.6, 43.5], [0.7, 43.5], [0.7, 43.6], [0.6, 43.6], [0.6, 43.5]] // prettier-ignore
  writeFileSync(polygon, JSON.stringify({ type: 'Polygon', coordinates: [ring] }))
  await run('site', 'add', polygon, '--name', 'Field')
  await run('season', 'add', 'field', '2025', '--start', '2025-05-01', '--end', '2025-09-30')
  await run('ingest', folder)
  const late = readdirSync(folder).find((name) => name.includes('20250614'))!
  const band = readdirSync(join(folder, late), { recursive: true })
    .map(String)
    .find((path) => path.endsWith('_B04.jp2'))!
  const path = join(folder, late, band)
  copyFileSync(path, `${path}.whole`)
  truncateSync(path, 300)
  // Else it is taken for one that is still being copied, and looked at again a minute later.
  for (const name of [...readdirSync(join(folder, late), { recursive: true, encoding: 'utf8' }), '.'])
    utimesSync(join(folder, late, name), 1e9, 1e9)
  await run('process', '--site', 'field')
  await run('up', '--until-idle')
  const failed = await app.db
    .selectFrom('step')
    .select(['id', 'error_code'])
    .where('state', 'in', ['failed', 'quarantined'])
    .executeTakeFirstOrThrow()
  await run('process', '--site', 'field', '--processor', 'composite', '--date', '2025-06-10')
  await run('up', '--until-idle')
  const why = `has no L2A: step ${failed.id} failed with ${failed.error_code ?? ''}`
  const report = await read('report.json')
  expect(report.composite).toMatchObject({ dates: 1, gaps: [{ day: '2025-06-14', tile: '31TCJ', why }] })
  expect(report.flags).toContain('partial')
  expect(report.notes.join()).toContain(why)
  expect((await read('item.json')).properties).toMatchObject({
    'tilth:partial': true,
    'tilth:gaps': [{ day: '2025-06-14', why }],
  })
  expect(await run('products', '--partial')).toMatch(new RegExp(`${NAME}.* 2025-06-14 `))
  expect(await run('why', NAME)).toContain('but partial')

  renameSync(`${path}.whole`, path)
  await run('retry', String(failed.id))
  await run('up', '--until-idle')
  expect(await run('why', NAME)).toMatch(/stale[^]*appeared in its window/)
  expect(await run('schedule', 'run-now', 'field', 'composite-renewal')).toMatch(/^job \d+ with 1 steps/)
  await run('up', '--until-idle')
  expect(await productOf(app.db, NAME)).toMatchObject({ stale_since: null, revision: 2 })
  const whole = await read('report.json')
  expect(whole.composite).toMatchObject({ dates: 2, gaps: [] })
  expect(whole.flags).not.toContain('partial')
  expect((await read('item.json')).properties).toMatchObject({ 'tilth:partial': false, 'tilth:gaps': [] })
  expect(await run('products', '--partial')).toBe('none')
})
