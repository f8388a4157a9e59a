import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

export interface SettingRows {
  readonly settings: readonly {
    readonly key: string
    /** Null: global. */
    readonly siteId: number | null
    readonly value: unknown
  }[]
  readonly sites: readonly { readonly id: number; readonly slug: string; readonly parentId: number | null }[]
}

/** All rows of settings, and the tree of sites along which they are inherited: one look for a whole round of the scheduler. */
export async function readSettingRows(db: Queryable): Promise<SettingRows> {
  const settings = await db.selectFrom('setting').select(['key', 'site_id as siteId', 'value']).execute()
  const sites = await db.selectFrom('site').select(['id', 'slug', 'parent_id as parentId']).execute()
  return { settings, sites }
}

/** Writes one row of a setting; `siteId` null is the global one. */
export async function upsertSetting(
  db: Queryable,
  row: { key: string; siteId: number | null; value: unknown; by: string },
): Promise<void> {
  await sql`insert into setting (key, site_id, value, updated_by)
    values (${row.key}, ${row.siteId}, ${JSON.stringify(row.value)}::jsonb, ${row.by})
    on conflict on constraint setting_once do update set value = excluded.value, updated_at = now(), updated_by = excluded.updated_by`.execute(
    db,
  )
}

/** Removes one row; false when there was none. */
export async function deleteSetting(db: Queryable, key: string, siteId: number | null): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('setting')
    .where('key', '=', key)
    .where('site_id', 'is not distinct from', siteId)
    .executeTakeFirst()
  return numDeletedRows > 0n
}
