import type { UnreadableFind } from '../../products/find-products.js'
import { PRODUCT_KINDS, satelliteByName } from '../../products/product-kinds.js'
import type { IngestContext } from './ingest-folder.js'
import { recordUnread, type IngestOutcome } from './record.js'

/**
 * Says that a folder or file could not be looked at. It becomes a row where its name promises a product, or a product came from there
 * before: a folder that may hold anything, such as `lost+found`, is no acquisition.
 */
export async function ingestUnreadable(
  { db, root }: IngestContext,
  { path, promised, error }: UnreadableFind,
): Promise<IngestOutcome> {
  if (promised === 'archive')
    return recordUnread(db, path, error, { root: null, satellite: satelliteByName(path) })
  const satellite = promised === null ? null : PRODUCT_KINDS[promised].satellite
  return recordUnread(db, path, error, { root, satellite })
}
