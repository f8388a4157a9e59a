import {
  definitionOf,
  checkSetting,
  parseSetting,
  settingKey,
  SETTING_KEYS,
  type SettingKey,
  type SettingValue,
} from '../config/settings.js'
import { resolveSettings, type ResolvedSetting, type SettingLayers } from '../config/resolve-settings.js'
import { deleteSetting, upsertSetting } from '../db/catalog/settings.js'
import type { Database } from '../db/connect.js'
import { readSettingRows } from '../db/jobs/read-setting-rows.js'
import { ProcessingError } from '../domain/errors.js'
import { getSite } from './sites.js'

/** Settings in force, globally or for a site (its ancestors and the global rows count), each with its origin. Throws NOT_FOUND for the site. */
export async function settingsInForce(
  db: Database,
  slug: string | null,
): Promise<readonly ResolvedSetting[]> {
  return resolveSettings(await settingLayers(db, slug))
}

/** Rows of the database as layers of the resolver. Rows that a newer program wrote with keys unknown here are left out. */
export async function settingLayers(db: Database, slug: string | null): Promise<SettingLayers> {
  const { settings, sites } = await readSettingRows(db)
  const valuesOf = (siteId: number | null): Partial<Record<SettingKey, SettingValue>> =>
    Object.fromEntries(
      settings.flatMap((row) => {
        const key = SETTING_KEYS.find((k) => k === row.key)
        return row.siteId !== siteId || key === undefined ? [] : [[key, checkSetting(key, row.value)]]
      }),
    )
  if (slug === null) return { global: valuesOf(null) }
  const chain: { slug: string; values: Partial<Record<SettingKey, SettingValue>> }[] = []
  const seen = new Set<number>()
  let site: (typeof sites)[number] | undefined = sites.find((s) => s.slug === slug)
  if (site === undefined)
    throw new ProcessingError('NOT_FOUND', `There is no site '${slug}'. See \`tilth site list\`.`)
  // A loop of parents must not hang the program.
  while (site !== undefined && !seen.has(site.id)) {
    seen.add(site.id)
    chain.push({ slug: site.slug, values: valuesOf(site.id) })
    const parent: number | null = site.parentId
    site = sites.find((s) => s.id === parent)
  }
  return { sites: chain, global: valuesOf(null) }
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
