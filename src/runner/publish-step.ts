import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ProcessingError } from '../domain/errors.js'
import { parseProductName, revisionFolder } from '../products/layout.js'
import { fsyncTree, moveIntoPlace } from '../products/publish.js'
import type { PublishedProduct } from './step-context.js'
import type { AttemptKey } from './step-store.js'

export interface PlacedProduct {
  readonly product: PublishedProduct
  /** `archive:<level>/<tile>/<yyyy>/<mm>/<name>/r<step>-<attempt>` */
  readonly location: string
  /** Absolute path of the same folder. */
  readonly path: string
  /** Of all its files together. */
  readonly bytes: number
}

/** Where products will lie: `archive:...`, one for each, in their order. Throws INTERNAL as `placeProducts` rejects. */
export const placesOf = (key: AttemptKey, products: readonly PublishedProduct[]): readonly string[] =>
  products.map((product) => `archive:${revisionOf(key, product)}`)

/**
 * Moves staged products to their places in the archive: every file and folder is flushed, then the folder renamed, then its
 * new parents flushed, so that a power cut leaves either nothing or all of it. No row names the folders yet: until they are
 * registered they are invisible, and a sweeper removes what stays so.
 * Rejects with DISK_FULL, WRITE_FAILED, CONFLICT (the revision's folder is there already, left by another database) or INTERNAL
 * (a name that is no product's, or not that of its level and tile); what was moved before is removed again then.
 */
export async function placeProducts(
  archive: string,
  key: AttemptKey,
  products: readonly PublishedProduct[],
): Promise<readonly PlacedProduct[]> {
  const placed: PlacedProduct[] = []
  try {
    for (const product of products) {
      const inArchive = revisionOf(key, product)
      const path = join(archive, inArchive)
      const bytes = await fsyncTree(product.folder)
      await moveIntoPlace(product.folder, path)
      placed.push({ product, location: `archive:${inArchive}`, path, bytes })
    }
    return placed
  } catch (error) {
    await unplaceProducts(placed)
    throw error
  }
}

/** Removes folders that were placed but will never be registered. Best effort: the sweeper takes what is left. */
export async function unplaceProducts(placed: readonly PlacedProduct[]): Promise<void> {
  for (const { path } of placed) await rm(path, { recursive: true, force: true }).catch(() => undefined)
}

/** The name is the key of the product's row and leads to its folder: it must say the same as the row. */
function revisionOf(key: AttemptKey, { name, level, tile }: PublishedProduct): string {
  const id = parseProductName(name)
  if (id === undefined || id.level !== level || id.tile !== tile)
    throw new ProcessingError(
      'INTERNAL',
      `'${name}' cannot be published: expected <platform>_${level}_${tile}_<yyyymmddThhmmss>_R<orbit> or _H<half days>.`,
    )
  return revisionFolder(id, { stepId: key.id, attempt: key.attempt })
}
