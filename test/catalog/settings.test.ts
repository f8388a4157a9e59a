import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { setSetting, settingsInForce, unsetSetting } from '../../src/catalog/settings.js'
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
  expect(await unsetSetting(app.db, key, 'farm')).toBe(true)
  expect(await unsetSetting(app.db, key, 'farm')).toBe(false)
  expect(await unsetSetting(app.db, key, 'region')).toBe(true)
  expect(await inForce(key, 'farm')).toEqual({ value: 3, origin: { kind: 'global' } })
  expect(await unsetSetting(app.db, key, null)).toBe(true)
  expect(await inForce(key, 'farm')).toEqual({ value: 2, origin: { kind: 'default' } })
})

test('refused: unknown key, out of range, a global setting for a site, an unknown site; nothing is written', async () => {
  await expect(set('processor.l2a.aott', '1')).rejects.toMatchObject({ code: 'SETTING_UNKNOWN' })
  await expect(set('processor.l2a.aot', '3')).rejects.toMatchObject({ code: 'SETTING_INVALID' })
  await expect(set('executor.cpu_slots', '2', 'farm')).rejects.toMatchObject({ code: 'SETTING_INVALID' })
  await expect(set('processor.l2a.aot', '1', 'nowhere')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await expect(settingsInForce(app.db, 'nowhere')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await expect(unsetSetting(app.db, 'nothing', null)).rejects.toMatchObject({ code: 'SETTING_UNKNOWN' })
  expect(await app.db.selectFrom('setting').select('key').execute()).toEqual([])
})
