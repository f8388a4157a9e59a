import { definitionOf, parseSetting, settingKey } from '../config/settings.js'
import {
  layersOf,
  resolveSettings,
  type ResolvedSetting,
  type SettingLayers,
} from '../config/resolve-settings.js'
import { deleteSetting, readSettingRows, upsertSetting } from '../db/catalog/settings.js'
import type { Database } from '../db/connect.js'
import { ProcessingError } from '../domain/errors.js'
import { getSite } from './sites.js'

/** Layers of any site, or of the system (null), from one look at the database: for a whole round of the scheduler. */
export async function readSettingLayers(db: Database): Promise<(siteId: number | null) => SettingLayers> {
  return layersOf(await readSettingRows(db))
}

/** Settings in force, globally or for a site (its ancestors and the global rows count), each with its origin. Throws NOT_FOUND for the site. */
export async function settingsInForce(
  db: Database,
  slug: string | null,
): Promise<readonly ResolvedSetting[]> {
  const siteId = slug === null ? null : (await getSite(db, slug)).id
  return resolveSettings((await readSettingLayers(db))(siteId))
}

/** Writes a setting from text, globally or for a site. Throws SETTING_UNKNOWN, SETTING_INVALID (type, range, scope), NOT_FOUND. */
export async function setSetting(
  db: Database,
  name: string,
  text: string,
  where: { site: string | null; by: string },
): Promise<void> {
  const key = settingKey(name)
  const value = parseSetting(key, text)
  if (where.site !== null && !definitionOf(key).scopes.includes('site'))
    throw new ProcessingError(
      'SETTING_INVALID',
      `Setting '${key}' belongs to the whole system, not to a site. Leave --site out.`,
    )
  const siteId = where.site === null ? null : (await getSite(db, where.site)).id
  await upsertSetting(db, { key, siteId, value, by: where.by })
}

/** Removes a setting's row, so that the next wider one is in force; false when there was none. Throws SETTING_UNKNOWN, NOT_FOUND. */
export async function unsetSetting(db: Database, name: string, site: string | null): Promise<boolean> {
  const key = settingKey(name)
  return deleteSetting(db, key, site === null ? null : (await getSite(db, site)).id)
}
