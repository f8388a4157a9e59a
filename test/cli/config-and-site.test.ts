import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { EXIT } from '../../src/domain/errors.js'
import { tilth } from '../support/cli.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'

let database: TestDatabase
let field: string
beforeAll(async () => {
  database = await createTestDatabase()
  field = join(database.config.home, 'my fields.geojson')
  writeFileSync(
    field,
    '{"type":"Polygon","coordinates":[[[1.4,43.5],[1.5,43.5],[1.5,43.6],[1.4,43.6],[1.4,43.5]]]}',
  )
})
afterAll(() => database.close())

/** Standard output parsed as JSON: nothing else may be on it. */
async function json(...args: string[]): Promise<unknown> {
  const { exitCode, stdout, stderr } = await tilth([...args, '--json'], database.env)
  expect({ exitCode, stderr }).toEqual({ exitCode: EXIT.ok, stderr: '' })
  return JSON.parse(stdout)
}
const failure = async (...args: string[]) => {
  const { exitCode, stdout, stderr } = await tilth(args, database.env)
  expect(stdout).toBe('')
  return { exitCode, stderr: stderr }
}
const text = (pattern: RegExp) => expect.stringMatching(pattern) as string

test('site add, list and show give the same site as JSON', async () => {
  const added = await json('site', 'add', field, '--name', 'My fields')
  const tiles = ['31TCJ', '198030', '199029', '199030'].map((tile) => ({
    tile,
    origin: 'auto',
    enabled: true,
  }))
  expect(added).toMatchObject({ slug: 'my-fields', name: 'My fields', parent: null, tiles })
  expect(await json('site', 'list')).toMatchObject([
    { slug: 'my-fields', tiles: { s2: 1, landsat: 3 }, seasons: [] },
  ])
  expect(await json('tiles', 'my-fields')).toMatchObject(tiles)
  expect(await json('site', 'show', 'my-fields')).toMatchObject({
    slug: 'my-fields',
    bbox: [1.4, 43.5, 1.5, 43.6],
    geometry: { type: 'Polygon' },
    tiles,
  })
})

test('config list, get, set and unset give value, origin, unit and range as JSON', async () => {
  const key = 'processor.l2a.max_parallelism'
  const all = (await json('config', 'list')) as { key: string; origin: unknown }[]
  expect(all.map((s) => s.key)).toContain(key)
  expect(all.every(({ origin }) => JSON.stringify(origin) === '{"kind":"default"}')).toBe(true)
  expect(await json('config', 'set', key, '2')).toMatchObject({
    key,
    value: 2,
    origin: { kind: 'global' },
    unit: 'steps',
    range: '0 to 4096',
    default: 0,
    effect: 'live',
  })
  expect(await json('config', 'set', key, '1', '--site', 'my-fields')).toMatchObject({
    value: 1,
    origin: { kind: 'site', site: 'my-fields' },
  })
  expect(await json('config', 'get', key)).toMatchObject({ value: 2, origin: { kind: 'global' } })
  expect(await json('config', 'unset', key, '--site', 'my-fields')).toMatchObject({
    value: 2,
    origin: { kind: 'global' },
  })
  expect(await json('config', 'unset', key)).toMatchObject({ value: 0, origin: { kind: 'default' } })
})

test('config history, export and import: who comes from --by or TILTH_USER, a dry run changes nothing', async () => {
  const key = 'processor.l2a.wv'
  await json('config', 'set', key, '3', '--by', 'ann')
  const { stdout: file } = await tilth(['config', 'export'], database.env)
  expect(file).toContain(`\n${key} = 3\n`)
  expect(file).toContain('# number [g/cm2], 0 to 8, or auto; default auto; frozen into a job when it is made')
  const path = join(database.config.home, 'settings.toml')
  writeFileSync(path, file.replace(`\n${key} = 3\n`, `\n${key} = 4\n`))
  const change = { key, site: null, from: 3, to: 4 }
  expect(await json('config', 'import', path, '--dry-run')).toEqual({ dryRun: true, changes: [change] })
  expect(await json('config', 'get', key)).toMatchObject({ value: 3 })
  const { stdout } = await tilth(['config', 'import', path], { ...database.env, TILTH_USER: 'eve' })
  expect(stdout).toBe(`global: ${key} 3 -> 4`)
  expect(await json('config', 'import', path)).toEqual({ dryRun: false, changes: [] })
  expect(await json('config', 'history', key)).toMatchObject([
    { changedBy: 'eve', key, site: null, oldValue: 3, newValue: 4 },
    { changedBy: 'ann', key, site: null, oldValue: null, newValue: 3 },
  ])
  writeFileSync(path, '[global]\nexecutor.cpu_slots = "many"\n')
  expect(await failure('config', 'import', path)).toEqual({
    exitCode: EXIT.config,
    stderr: text(/^error SETTING_INVALID: One thing is wrong; nothing was changed:\n {2}\[global\]/),
  })
  expect(await failure('config', 'import', `${path}.missing`)).toMatchObject({ exitCode: EXIT.noInput })
  await json('config', 'unset', key)
})

test('what fails says why on stderr, nothing on stdout, and ends with the status of its code', async () => {
  expect(await failure('site', 'add', field, '--name', 'My fields')).toEqual({
    exitCode: EXIT.data,
    stderr: text(/^error CONFLICT: There is a site 'my-fields' already/),
  })
  expect(await failure('site', 'show', 'nowhere')).toEqual({
    exitCode: EXIT.noInput,
    stderr: text(/^error NOT_FOUND: /),
  })
  expect(await failure('site', 'add', `${field}.missing`)).toMatchObject({ exitCode: EXIT.noInput })
  const line = join(database.config.home, 'line.geojson')
  writeFileSync(line, '{"type":"LineString","coordinates":[[1,43],[2,43]]}')
  expect(await failure('site', 'add', line)).toEqual({
    exitCode: EXIT.data,
    stderr: text(/^error GEOMETRY_INVALID: /),
  })
  expect(await failure('config', 'set', 'processor.l2a.aot', '7')).toEqual({
    exitCode: EXIT.config,
    stderr: text(/^error SETTING_INVALID: .*from 0 to 2/),
  })
  expect(await failure('config', 'get', 'processor.l2a.aott')).toEqual({
    exitCode: EXIT.config,
    stderr: text(/^error SETTING_UNKNOWN: /),
  })
  expect(await failure('config', 'set', 'processor.l2a.aot')).toMatchObject({ exitCode: EXIT.usage })
  expect(await failure('tiles', 'set', 'my-fields', '--only', 'Toulouse')).toEqual({
    exitCode: EXIT.usage,
    stderr: text(/^error TILE_UNKNOWN: /),
  })
})

test('a database that cannot be reached is named, with status 69', async () => {
  const { exitCode, stderr } = await tilth(['site', 'list'], {
    ...database.env,
    DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
  })
  expect({ exitCode, stderr }).toEqual({
    exitCode: EXIT.unavailable,
    stderr: text(/^error DATABASE_UNAVAILABLE: /),
  })
})
