import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

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
