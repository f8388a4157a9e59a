import type { Queryable } from '../steps/queryable.js'

/** Absolute folders of the storage roots that were moved on this host. */
export async function listStorageRoots(db: Queryable, host: string): Promise<Record<string, string>> {
  const rows = await db.selectFrom('storage_root').select(['name', 'path']).where('host', '=', host).execute()
  return Object.fromEntries(rows.map(({ name, path }) => [name, path]))
}
