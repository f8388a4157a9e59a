import { selectProducts, type ProductFilter, type PublishedProduct } from '../db/catalog/products.js'
import type { Database } from '../db/connect.js'
import { ProcessingError } from '../domain/errors.js'
import { getSite } from './sites.js'

export type { PublishedProduct } from '../db/catalog/products.js'

/** Published products, oldest sensing first; of the enabled tiles of a site and its sub-sites if one is named, each once. Throws NOT_FOUND for the site. */
export async function listProducts(
  db: Database,
  filter: Omit<ProductFilter, 'name' | 'siteId'> & { readonly site: string | null },
): Promise<readonly PublishedProduct[]> {
  const siteId = filter.site === null ? null : (await getSite(db, filter.site)).id
  return selectProducts(db, {
    level: filter.level ?? null,
    tile: filter.tile ?? null,
    siteId,
    stale: filter.stale ?? false,
    partial: filter.partial ?? false,
    limit: filter.limit,
  })
}

/** Throws NOT_FOUND. */
export async function getProduct(db: Database, name: string): Promise<PublishedProduct> {
  const [product] = await selectProducts(db, { name, limit: 1 })
  if (product === undefined)
    throw new ProcessingError('NOT_FOUND', `There is no product '${name}'. See \`tilth products\`.`)
  return product
}
