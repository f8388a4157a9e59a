import { join } from 'node:path'
import { deleteUnread } from '../../db/catalog/acquisitions.js'
import type { Database } from '../../db/connect.js'
import { asProcessingError, ProcessingError, type ErrorCode } from '../../domain/errors.js'
import { asUnreadable } from '../../products/unreadable.js'
import { PRODUCT_KINDS, type ProductKind } from '../../products/product-kinds.js'
import { INPUT_FORMATS } from './formats.js'
import { stageFolder } from './place-product.js'
import { recordPresent, recordUnread, type IngestOutcome, type ReadAcquisition } from './record.js'
import { recordRefused, type Refuse } from './record-refused.js'

export interface IngestContext {
  readonly db: Database
  /** Absolute folder of the root `l1`. */
  readonly root: string
  readonly settleSeconds: number
  /** Why a readable acquisition is left out all the same; null: it is not. */
  readonly refuse?: Refuse
}

/** What is wrong with a product, as opposed to with the machine or the program. */
const ABOUT_THE_PRODUCT: ReadonlySet<ErrorCode> = new Set([
  'NOT_FOUND',
  'LEVEL_NOT_CORRECTED',
  'PRODUCT_COPYING',
  'PRODUCT_INCOMPLETE',
  'PRODUCT_UNREADABLE',
  'PRODUCT_UNSUPPORTED',
  'METADATA_INVALID',
  'RASTER_UNREADABLE',
  'GRID_MISMATCH',
  'SENSOR_UNKNOWN',
  'ARCHIVE_UNSAFE',
  'ARCHIVE_LIMIT',
  'ARCHIVE_BROKEN',
  'ARCHIVE_UNSUPPORTED',
])
export const isAboutTheProduct = ({ code }: ProcessingError): boolean => ABOUT_THE_PRODUCT.has(code)

/** Reads and records the acquisitions of one product folder; broken ones are recorded as such, the others go on. */
export async function ingestFolder(
  context: IngestContext,
  path: string,
  kind: ProductKind,
  { copy }: { readonly copy: boolean },
): Promise<readonly IngestOutcome[]> {
  const { db, root, settleSeconds } = context
  const { read: readable, failed } = await readFolder(path, kind, { settleSeconds, sourceOf: (one) => one })
  const outcomes: IngestOutcome[] = []
  const read = await recordRefused(context, readable, outcomes)
  const { satellite } = PRODUCT_KINDS[kind]
  // Of several tiles each has its own row; that of the product as a whole would stay broken.
  if (failed.every((one) => one.path !== path)) await deleteUnread(db, path)
  for (const one of failed) outcomes.push(await recordUnread(db, one.path, one.error, { root, satellite }))
  try {
    const stage = () => stageFolder(root, path, copy)
    outcomes.push(...(await recordPresent(db, read, { root, stage, archive: null })))
  } catch (error) {
    // It went away while it was copied; nothing of it was recorded.
    if (!(error instanceof ProcessingError) || error.code !== 'PRODUCT_UNREADABLE') throw error
    for (const { sourcePath } of read)
      outcomes.push(await recordUnread(db, sourcePath, error, { root, satellite }))
  }
  return outcomes
}

/**
 * Reads all acquisitions of one product folder. `sourceOf` gives the path that the user knows for one in the folder.
 * Rejects with what is not the product's fault only.
 */
export async function readFolder(
  path: string,
  kind: ProductKind,
  {
    settleSeconds,
    sourceOf,
  }: { readonly settleSeconds: number; readonly sourceOf: (path: string) => string },
): Promise<{
  read: readonly ReadAcquisition[]
  failed: readonly { path: string; error: ProcessingError }[]
}> {
  const format = INPUT_FORMATS[kind]
  const read: ReadAcquisition[] = []
  const failed: { path: string; error: ProcessingError }[] = []
  const guarded = async (at: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work()
    } catch (cause) {
      // All this only reads the product: what the system says is about it.
      const error = asProcessingError(asUnreadable(at, cause))
      if (!isAboutTheProduct(error)) throw error
      failed.push({ path: sourceOf(at), error })
    }
  }
  await guarded(path, async () => {
    for (const inside of await format.acquisitions(path, { settleSeconds })) {
      const at = join(path, inside)
      await guarded(at, async () => {
        const described = await format.describe(at, { settleSeconds })
        read.push({ inside, sourcePath: sourceOf(at), described })
      })
    }
  })
  return { read, failed }
}
