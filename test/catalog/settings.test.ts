import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import {
  exportSettings,
  importSettings,
  setSetting,
  settingHistory,
  settingsInForce,
  unsetSetting,
} from '../../src/catalog/settings.js'
import { addSite, parseArea } from '../../src/catalog/sites.js'
import type { SettingKey } from '../../src/config/settings.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'

let database: TestDatabase
let app: App
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
  const area = parseArea(
    '{"type":"Polygon","coordinates":[[[1.4,43.5],[1.5,43.5],[1.5,43.6],[1.4,43.6],[1.4,43.5]]]}',
  )
  await addSite(app.db, { name: 'region', area })
  await addSite(app.db, { name: 'farm', area, parent: 'region' })
})
afterAll(() => database.close())
beforeEach(async () => {
  await app.db.deleteFrom('setting').execute()
})

const set = (key: string, text: string, site: string | null = null) =>
  setSetting(app.db, key, text, { site, by: 'test' })
const inForce = async (key: SettingKey, site: string | null = null) => {
  const { value, origin } = (await settingsInForce(app.db, site)).find((s) => s.key === key)!
  return { value, origin }
}

test('a value is in force for the site and what is below it, until it is unset', async () => {
  const key = 'processor.l2a.wv'
  await set(key, '3')
  await set(key, '4', 'region')
  expect(await inForce(key)).toEqual({ value: 3, origin: { kind: 'global' } })
  expect(await inForce(key, 'region')).toEqual({ value: 4, origin: { kind: 'site', site: 'region' } })
  expect(await inForce(key, 'farm')).toEqual({ value: 4, origin: { kind: 'parent', site: 'region' } })
  await set(key, '5', 'farm')
  await set(key, '5.5', 'farm')
  expect(await inForce(key, 'farm')).toEqual({ value: 5.5, origin: { kind: 'site', site: 'farm' } })
  expect(await unsetSetting(app.db, key, { site: 'farm', by: 'test' })).toBe(true)
  expect(await unsetSetting(app.db, key, { site: 'farm', by: 'test' })).toBe(false)
  expect(await unsetSetting(app.db, key, { site: 'region', by: 'test' })).toBe(true)
  expect(await inForce(key, 'farm')).toEqual({ value: 3, origin: { kind: 'global' } })
  expect(await unsetSetting(app.db, key, { site: null, by: 'test' })).toBe(true)
  expect(await inForce(key, 'farm')).toEqual({ value: 'auto', origin: { kind: 'default' } })
})

test('refused: unknown key, out of range, a global setting for a site, an unknown site; nothing is written', async () => {
  await expect(set('processor.l2a.aott', '1')).rejects.toMatchObject({ code: 'SETTING_UNKNOWN' })
  await expect(set('processor.l2a.aot', '3')).rejects.toMatchObject({ code: 'SETTING_INVALID' })
  await expect(set('executor.cpu_slots', '2', 'farm')).rejects.toMatchObject({ code: 'SETTING_INVALID' })
  await expect(set('processor.l2a.aot', '1', 'nowhere')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await expect(settingsInForce(app.db, 'nowhere')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await expect(unsetSetting(app.db, 'nothing', { site: null, by: 'test' })).rejects.toMatchObject({
    code: 'SETTING_UNKNOWN',
  })
  expect(await app.db.selectFrom('setting').select('key').execute()).toEqual([])
})

describe('history', () => {
  const key = 'processor.l2a.aot'
  const changes = async () =>
    (await settingHistory(app.db, { key, limit: 100 })).map(({ changedBy, site, oldValue, newValue }) => [
      changedBy,
      site,
      oldValue,
      newValue,
    ])

  test('every change is kept with who, where, the old and the new value, newest first; writing the same value is none', async () => {
    const before = (await changes()).length
    await setSetting(app.db, key, '0.2', { site: null, by: 'ann' })
    await setSetting(app.db, key, '0.2', { site: null, by: 'bob' })
    await setSetting(app.db, key, '0.3', { site: 'farm', by: 'bob' })
    await setSetting(app.db, key, '0.4', { site: null, by: 'bob' })
    await unsetSetting(app.db, key, { site: 'farm', by: 'eve' })
    const all = await changes()
    expect(all.slice(0, all.length - before)).toEqual([
      ['eve', 'farm', 0.3, null],
      ['bob', null, 0.2, 0.4],
      ['bob', 'farm', null, 0.3],
      ['ann', null, null, 0.2],
    ])
    expect((await settingHistory(app.db, { site: 'farm', limit: 1 }))[0]).toMatchObject({
      key,
      changedBy: 'eve',
      site: 'farm',
    })
    expect((await settingHistory(app.db, { limit: 1 }))[0]!.at).toBeInstanceOf(Date)
  })

  test('no way around: SQL by hand and the removal of a site are in it, and it cannot be changed itself', async () => {
    await app.pool.query(
      `insert into setting (key, site_id, value, updated_by) values ($1, null, '0.5', 'script')`,
      [key],
    )
    await app.pool.query(`update setting set value = '0.6' where key = $1`, [key])
    const user = (await app.pool.query<{ u: string }>('select session_user as u')).rows[0]!.u
    expect((await changes()).slice(0, 2)).toEqual([
      [`database user ${user}`, null, 0.5, 0.6],
      ['script', null, null, 0.5],
    ])
    const area = parseArea(
      '{"type":"Polygon","coordinates":[[[1.4,43.5],[1.5,43.5],[1.5,43.6],[1.4,43.6],[1.4,43.5]]]}',
    )
    await addSite(app.db, { name: 'gone', area })
    await set(key, '0.7', 'gone')
    await app.pool.query(`delete from site where slug = 'gone'`)
    expect((await changes())[0]).toEqual([`database user ${user}`, 'gone', 0.7, null])
    for (const statement of [
      `update setting_change set changed_by = 'nobody'`,
      'delete from setting_change',
      'truncate setting_change',
      'truncate setting',
    ])
      await expect(app.pool.query(statement)).rejects.toThrow(/append-only/)
  })

  test('a change that is rolled back leaves no trace', async () => {
    const before = (await changes()).length
    await expect(
      app.db.transaction().execute(async (trx) => {
        await trx
          .insertInto('setting')
          .values({ key, site_id: null, value: '0.9', updated_by: 'x' })
          .execute()
        throw new Error('no')
      }),
    ).rejects.toThrow('no')
    expect(await changes()).toHaveLength(before)
  })
})

describe('export and import', () => {
  const stored = async () =>
    (
      await app.db
        .selectFrom('setting')
        .leftJoin('site', 'site.id', 'setting.site_id')
        .select(['key', 'slug', 'value'])
        .orderBy('key')
        .orderBy('slug')
        .execute()
    ).map(({ key, slug, value }) => `${slug ?? '-'} ${key} ${JSON.stringify(value)}`)
  const options = { by: 'importer', prune: false, dryRun: false }

  test('what is exported can be imported: nothing differs, and an empty system becomes the same', async () => {
    await set('executor.cpu_slots', '3')
    await set('resources.learn', 'off')
    await set('processor.l2a.aerosol', 'maritime', 'farm')
    await set('processor.l2a.dem', '/data/a "quoted" \\ path.tif', 'region')
    await set('processor.l2a.aot', '0.30000000000000004')
    const before = await stored()
    const file = await exportSettings(app.db)
    expect(await importSettings(app.db, file, options)).toEqual([])
    await app.db.deleteFrom('setting').execute()
    expect(await importSettings(app.db, file, options)).toHaveLength(5)
    expect(await stored()).toEqual(before)
    expect((await settingHistory(app.db, { limit: 1 }))[0]!.changedBy).toBe('importer')
  })

  test('a dry run says what would change and writes nothing; with prune what the file lacks goes', async () => {
    await set('executor.cpu_slots', '3')
    await set('processor.l2a.wv', '3', 'farm')
    const file = '[global]\nexecutor.cpu_slots = 4\n'
    const changes = [{ key: 'executor.cpu_slots', site: null, from: 3, to: 4 }]
    const removal = { key: 'processor.l2a.wv', site: 'farm', from: 3, to: undefined }
    expect(await importSettings(app.db, file, { ...options, dryRun: true })).toEqual(changes)
    expect(await importSettings(app.db, file, { ...options, dryRun: true, prune: true })).toEqual([
      ...changes,
      removal,
    ])
    expect(await stored()).toEqual(['- executor.cpu_slots 3', 'farm processor.l2a.wv 3'])
    await importSettings(app.db, file, { ...options, prune: true })
    expect(await stored()).toEqual(['- executor.cpu_slots 4'])
  })

  test('a file with anything wrong changes nothing, and all of it is named', async () => {
    await set('executor.cpu_slots', '3')
    const file = `
      [global]
      executor.cpu_slots = 2
      executor.lease_s = "long"
      processor.l2a.aot = 7
      processor.l2a.aott = 0.2
      [site.farm]
      executor.memory_mb = 2048
      [site.nowhere]
      processor.l2a.aot = 0.2`
    const error = await importSettings(app.db, file, options).catch((e: unknown) => e as Error)
    expect(error).toMatchObject({ code: 'SETTING_INVALID' })
    for (const part of [
      '5 things are wrong',
      '\'executor.lease_s\' is "long", expected an integer',
      "'processor.l2a.aot' is 7",
      'Did you mean processor.l2a.aot?',
      "'executor.memory_mb' belongs to the whole system",
      "no site 'nowhere'",
    ])
      expect((error as Error).message).toContain(part)
    expect(await stored()).toEqual(['- executor.cpu_slots 3'])
    await expect(importSettings(app.db, '[global\n', options)).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
      message: expect.stringMatching(/line 1, column/) as string,
    })
  })
})
