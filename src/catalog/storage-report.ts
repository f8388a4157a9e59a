import { statfs } from 'node:fs/promises'
import type { Config } from '../config/config.js'
import { listLargestTiles, listUseByLevel, type StorageUseRow } from '../db/catalog/storage-use.js'
import { readStorageRoots } from '../db/catalog/storage-root.js'
import type { Database } from '../db/connect.js'
import { resolveSetting } from '../config/resolve-settings.js'
import { readSettingLayers } from './settings.js'

export interface StorageReport {
  /** Of this host. */
  readonly roots: readonly {
    readonly name: string
    readonly path: string
    /** Bytes of products in force there; null for roots that hold none. */
    readonly productBytes: number | null
    /** Of the file system; null where the folder cannot be reached. */
    readonly freeBytes: number | null
    readonly totalBytes: number | null
    /** `storage.quota_mb` for the archive; null: none. */
    readonly quotaBytes: number | null
  }[]
  readonly levels: readonly Pick<StorageUseRow, 'root' | 'level' | 'products' | 'bytes'>[]
  /** With most bytes first. */
  readonly tiles: readonly StorageUseRow[]
}

/** What the storage roots of this host hold: sums that the database keeps, and what the file systems say. */
export async function reportStorage(
  db: Database,
  { host }: Pick<Config, 'host'>,
  { tiles }: { readonly tiles: number },
): Promise<StorageReport> {
  const levels = await listUseByLevel(db)
  const quotaMb = resolveSetting('storage.quota_mb', (await readSettingLayers(db))(null)).value
  const rows = (await readStorageRoots(db)).filter((root) => root.host === host)
  const roots = await Promise.all(
    rows.map(async ({ name, path }) => {
      const system = await statfs(path).catch(() => null)
      const holdsProducts = name === 'archive' || name === 'cold'
      return {
        name,
        path,
        productBytes: holdsProducts
          ? levels.filter(({ root }) => root === name).reduce((sum, { bytes }) => sum + bytes, 0)
          : null,
        freeBytes: system === null ? null : system.bavail * system.bsize,
        totalBytes: system === null ? null : system.blocks * system.bsize,
        quotaBytes: name === 'archive' && quotaMb > 0 ? quotaMb * 2 ** 20 : null,
      }
    }),
  )
  return { roots, levels, tiles: await listLargestTiles(db, tiles) }
}
