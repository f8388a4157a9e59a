import { mkdir } from 'node:fs/promises'
import type { Config } from '../config/config.js'
import { listStorageRoots } from '../db/jobs/list-storage-roots.js'
import type { Queryable } from '../db/steps/queryable.js'

/** Absolute folders of the storage roots on this host: rows of `storage_root`, else the defaults below the data folder. Makes missing ones. */
export async function localRoots(
  db: Queryable,
  config: Pick<Config, 'roots' | 'host'>,
): Promise<Readonly<Record<string, string>>> {
  const roots = { ...config.roots, ...(await listStorageRoots(db, config.host)) }
  for (const path of Object.values(roots)) await mkdir(path, { recursive: true })
  return roots
}
