import type { Config } from '../config/config.js'
import { archiveLimits } from '../config/archive-limits.js'
import { resolveSetting } from '../config/resolve-settings.js'
import { listAcquisitions as selectAcquisitions, type AcquisitionRow } from '../db/catalog/acquisitions.js'
import type { Database } from '../db/connect.js'
import type { AcquisitionState } from '../domain/states.js'
import { findProducts, type FoundProduct } from '../products/find-products.js'
import { ingestArchive } from './ingest/ingest-archive.js'
import { ingestFolder } from './ingest/ingest-folder.js'
import { ingestUnreadable } from './ingest/ingest-unreadable.js'
import { sweepStaging } from './ingest/place-product.js'
import type { IngestOutcome } from './ingest/record.js'
import type { Refuse } from './ingest/record-refused.js'
import { readSettingLayers } from './settings.js'
import { provenRoots } from './storage-roots.js'

export type { AcquisitionRow } from '../db/catalog/acquisitions.js'
export type { IngestOutcome } from './ingest/record.js'

export interface IngestOptions {
  /** Copy folders into the root `l1` instead of linking; archives are always unpacked into it. */
  readonly copy: boolean
  /** Why a readable acquisition is left out (`ignored`) all the same; null: it is not. */
  readonly refuse?: Refuse
  /** Called for each acquisition, and for each product that could not be read. */
  readonly onOutcome?: (outcome: IngestOutcome) => void
  /** Called for each folder that holds rasters and is no product that is read. */
  readonly onUnknown?: (folder: string) => void
  /** Called after each product folder or archive. */
  readonly onProgress?: (done: number, total: number) => void
}

/**
 * Reads the products below the given paths, folders and archives, and records them as acquisitions; one row per identity, however
 * often and by however many processes at once the same product comes. Names of files and folders are never trusted. Broken products become
 * `broken` with the reason, also those that vanish or may not be read, products still being copied `found`; the others go on. Reading a repaired product again heals its row.
 * Throws NOT_FOUND and PRODUCT_UNSUPPORTED for a path without any product, before anything is recorded; DISK_FULL, WRITE_FAILED.
 */
export async function ingestPaths(
  app: { readonly db: Database; readonly config: Config },
  paths: readonly string[],
  options: IngestOptions,
): Promise<readonly IngestOutcome[]> {
  const found = new Map<string, FoundProduct>()
  for (const path of paths)
    for (const product of await findProducts(path, options.onUnknown)) found.set(product.path, product)
  const { l1: root } = await provenRoots(app.db, app.config)
  const layers = (await readSettingLayers(app.db))(null)
  await sweepStaging(root, resolveSetting('storage.sweep_grace_s', layers).value)
  const context = {
    db: app.db,
    root,
    settleSeconds: resolveSetting('ingest.copy_quiet_s', layers).value,
    ...(options.refuse === undefined ? {} : { refuse: options.refuse }),
  }
  const limits = archiveLimits(layers)
  const outcomes: IngestOutcome[] = []
  let done = 0
  for (const product of found.values()) {
    const ended =
      product.kind === 'unreadable'
        ? [await ingestUnreadable(context, product)]
        : product.kind === 'archive'
          ? await ingestArchive(context, product.path, limits)
          : await ingestFolder(context, product.path, product.kind, options)
    for (const outcome of ended) options.onOutcome?.(outcome)
    outcomes.push(...ended)
    options.onProgress?.(++done, found.size)
  }
  return outcomes
}

/** Acquisitions in order of sensing. */
export async function listAcquisitions(
  db: Database,
  filter: { state: AcquisitionState | null; tile: string | null },
): Promise<readonly AcquisitionRow[]> {
  return selectAcquisitions(db, filter)
}
