import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

/** One change of a setting. Null values: there was no row before, or none after. */
export interface SettingChangeRow {
  readonly at: Date
  readonly changedBy: string
  readonly key: string
  /** Slug at that time; null: the global row. */
  readonly site: string | null
  readonly oldValue: unknown
  readonly newValue: unknown
}

/** Names who makes the changes of this transaction, for the history. */
export async function nameChanger(trx: Queryable, by: string): Promise<void> {
  await sql`select set_config('tilth.changed_by', ${by}, true)`.execute(trx)
}

/** Keeps others from changing settings until the transaction ends; readers go on. */
export async function lockSettings(trx: Queryable): Promise<void> {
  await sql`lock table setting in share row exclusive mode`.execute(trx)
}

/** Newest first; all given conditions hold. */
export async function listSettingChanges(
  db: Queryable,
  { key, siteId, limit }: { key?: string; siteId?: number; limit: number },
): Promise<SettingChangeRow[]> {
  let query = db
    .selectFrom('setting_change')
    .select([
      'at',
      'changed_by as changedBy',
      'key',
      'site',
      'old_value as oldValue',
      'new_value as newValue',
    ])
  if (key !== undefined) query = query.where('key', '=', key)
  if (siteId !== undefined) query = query.where('site_id', '=', siteId)
  return query.orderBy('id', 'desc').limit(limit).execute()
}
