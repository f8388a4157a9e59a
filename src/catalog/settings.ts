import { checkScope, parseSetting, settingKey } from '../config/settings.js'
import {
  parseSettingsFile,
  renderSettingsFile,
  settingDifferences,
  type SettingDifference,
  type StoredRow,
} from '../config/settings-file.js'
import {
  layersOf,
  resolveSettings,
  type ResolvedSetting,
  type SettingLayers,
} from '../config/resolve-settings.js'
import {
  listSettingChanges,
  lockSettings,
  nameChanger,
  type SettingChangeRow,
} from '../db/catalog/setting-changes.js'
import { deleteSetting, readSettingRows, upsertSetting, type SettingRows } from '../db/catalog/settings.js'
import type { Database } from '../db/connect.js'
import { getSite } from './sites.js'

export type { SettingChangeRow } from '../db/catalog/setting-changes.js'

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

/** Where a setting is written, and who does it, for the history. */
export interface SettingPlace {
  /** Slug; null: globally. */
  readonly site: string | null
  readonly by: string
}

/** Writes a setting from text. Throws SETTING_UNKNOWN, SETTING_INVALID (type, range, scope), NOT_FOUND. */
export async function setSetting(
  db: Database,
  name: string,
  text: string,
  { site, by }: SettingPlace,
): Promise<void> {
  const key = settingKey(name)
  const value = parseSetting(key, text)
  checkScope(key, site)
  const siteId = site === null ? null : (await getSite(db, site)).id
  await db.transaction().execute(async (trx) => {
    await nameChanger(trx, by)
    await upsertSetting(trx, { key, siteId, value, by })
  })
}

/** Removes a setting's row, so that the next wider one is in force; false when there was none. Throws SETTING_UNKNOWN, NOT_FOUND. */
export async function unsetSetting(db: Database, name: string, { site, by }: SettingPlace): Promise<boolean> {
  const key = settingKey(name)
  const siteId = site === null ? null : (await getSite(db, site)).id
  return db.transaction().execute(async (trx) => {
    await nameChanger(trx, by)
    return deleteSetting(trx, key, siteId)
  })
}

/** Changes of settings, newest first: all, of one key, of one site. Throws SETTING_UNKNOWN, NOT_FOUND. */
export async function settingHistory(
  db: Database,
  { key, site, limit }: { key?: string; site?: string; limit: number },
): Promise<readonly SettingChangeRow[]> {
  return listSettingChanges(db, {
    limit,
    ...(key === undefined ? {} : { key: settingKey(key) }),
    ...(site === undefined ? {} : { siteId: (await getSite(db, site)).id }),
  })
}

/** All stored settings as a TOML file. */
export async function exportSettings(db: Database): Promise<string> {
  return renderSettingsFile(bySlug(await readSettingRows(db)))
}

export interface ImportOptions {
  readonly by: string
  /** Also remove rows that the file does not have. */
  readonly prune: boolean
  /** Only say what would change. */
  readonly dryRun: boolean
}

/**
 * Makes the stored settings those of a TOML file, all or nothing, and returns what changed, or would. Nobody else changes settings
 * between the comparison and the end. Throws BAD_ARGUMENT, SETTING_INVALID: see `parseSettingsFile`.
 */
export async function importSettings(
  db: Database,
  text: string,
  { by, prune, dryRun }: ImportOptions,
): Promise<readonly SettingDifference[]> {
  return db.transaction().execute(async (trx) => {
    await lockSettings(trx)
    const rows = await readSettingRows(trx)
    const siteIds = new Map(rows.sites.map(({ id, slug }) => [slug, id]))
    const wanted = parseSettingsFile(text, new Set(siteIds.keys()))
    const differences = settingDifferences(bySlug(rows), wanted, { prune })
    if (dryRun) return differences
    await nameChanger(trx, by)
    for (const { key, site, to } of differences) {
      const siteId = site === null ? null : (siteIds.get(site) ?? null)
      if (to === undefined) await deleteSetting(trx, key, siteId)
      else await upsertSetting(trx, { key, siteId, value: to, by })
    }
    return differences
  })
}

function bySlug({ settings, sites }: SettingRows): StoredRow[] {
  const slugs = new Map(sites.map(({ id, slug }) => [id, slug]))
  return settings
    .map(({ key, siteId, value }) => ({
      key,
      site: siteId === null ? null : (slugs.get(siteId) ?? null),
      value,
    }))
    .sort((a, b) => a.key.localeCompare(b.key))
}
