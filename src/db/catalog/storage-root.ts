import type { Queryable } from '../steps/queryable.js'

export interface StorageRootRow {
  readonly name: string
  readonly host: string
  readonly path: string
  readonly marker: string
}

export async function readStorageRoots(db: Queryable): Promise<readonly StorageRootRow[]> {
  return db
    .selectFrom('storage_root')
    .select(['name', 'host', 'path', 'marker'])
    .orderBy('name')
    .orderBy('host')
    .execute()
}

/** Registers a root unless its host has one of this name; `replace` points it to another folder. */
export async function insertStorageRoot(
  db: Queryable,
  row: StorageRootRow,
  { replace }: { readonly replace: boolean },
): Promise<void> {
  await db
    .insertInto('storage_root')
    .values(row)
    .onConflict((c) => {
      const target = c.columns(['name', 'host'])
      return replace ? target.doUpdateSet({ path: row.path, marker: row.marker }) : target.doNothing()
    })
    .execute()
}
