import { opendir, lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { nameChanger } from '../../db/catalog/setting-changes.js'
import {
  deleteAcquisitions,
  deleteProducts,
  listExclusiveAcquisitions,
  listExclusiveProducts,
  shareOpenSteps,
} from '../../db/catalog/site-removal.js'
import { lockSites } from '../../db/catalog/sites.js'
import { countOpenSteps, deleteSites, type OpenWork } from '../../db/catalog/sub-sites.js'
import type { Database } from '../../db/connect.js'
import { cancelStepRows } from '../../db/steps/change-steps.js'
import { settleEnds } from '../../db/steps/settle-ends.js'
import { ProcessingError } from '../../domain/errors.js'
import { getSite } from '../find-site.js'
import { deleteDoomed, type DeletedPaths } from './delete-doomed.js'

export interface RemoveOptions {
  /** Also delete products of tiles that no other site has enabled. */
  readonly products: boolean
  /** Also delete acquisitions of such tiles: links, and copies in the root `l1`. Needs `products`. */
  readonly l1: boolean
}

/** What a removal would take away. */
export interface RemovalPlan {
  /** The site and its sub-sites. */
  readonly sites: readonly string[]
  readonly seasons: number
  readonly tiles: number
  readonly open: OpenWork
  readonly products: number
  readonly acquisitions: number
  readonly files: number
  readonly bytes: number
}

type Roots = Readonly<Partial<Record<string, string>>>

/** Counts what `removeSite` would delete. Products and acquisitions of tiles that other sites have are never among it. Throws NOT_FOUND, BAD_ARGUMENT. */
export async function planRemoval(
  db: Database,
  roots: Roots,
  slug: string,
  options: RemoveOptions,
): Promise<RemovalPlan> {
  const sites = await familyOf(db, slug, options)
  const ids = sites.map(({ id }) => id)
  const products = options.products ? await listExclusiveProducts(db, ids) : []
  const acquisitions = options.l1 ? await listExclusiveAcquisitions(db, ids) : []
  const total = { files: 0, bytes: 0 }
  for (const { location } of [...products, ...acquisitions]) {
    const root = roots[location.slice(0, location.indexOf(':'))]
    if (root !== undefined) await measure(join(root, location.slice(location.indexOf(':') + 1)), total)
  }
  return {
    sites: sites.map((site) => site.slug),
    seasons: sites.reduce((sum, site) => sum + (site.seasonsOf === site.slug ? site.seasons.length : 0), 0),
    tiles: sites[0] === undefined ? 0 : sites[0].tiles.s2 + sites[0].tiles.landsat,
    open: await countOpenSteps(db, ids),
    products: products.length,
    acquisitions: acquisitions.length,
    ...total,
  }
}

/**
 * Removes a site with its sub-sites: rows in one transaction, then the files that no row names any more. Open steps of tiles that another
 * site has become that site's, others are cancelled. A crash leaves either the site and its work or none of its rows and no open step that
 * nobody needs; files that are left then are deleted by the next removal, product folders also by the scheduler's sweep. Throws NOT_FOUND, BAD_ARGUMENT.
 */
export async function removeSite(
  db: Database,
  roots: Roots,
  slug: string,
  options: RemoveOptions & { readonly by: string },
): Promise<DeletedPaths> {
  await db.transaction().execute(async (tx) => {
    await lockSites(tx)
    const ids = (await familyOf(tx, slug, options)).map(({ id }) => id)
    const products = options.products ? await listExclusiveProducts(tx, ids) : []
    const acquisitions = options.l1 ? await listExclusiveAcquisitions(tx, ids) : []
    await cancelStepRows(tx, { steps: await shareOpenSteps(tx, ids) })
    await deleteProducts(
      tx,
      products.map(({ id }) => id),
      options.by,
    )
    await deleteAcquisitions(
      tx,
      acquisitions.map(({ id }) => id),
      options.by,
    )
    await nameChanger(tx, options.by)
    await deleteSites(tx, ids)
  })
  await settleEnds(db)
  return deleteDoomed(db, roots)
}

async function familyOf(db: Database, slug: string, { products, l1 }: RemoveOptions) {
  if (l1 && !products)
    throw new ProcessingError('BAD_ARGUMENT', 'Level-1 data can go only with the products made from it.')
  const site = await getSite(db, slug)
  return [site, ...(await Promise.all(site.subSites.map((child) => getSite(db, child))))]
}

async function measure(path: string, total: { files: number; bytes: number }): Promise<void> {
  const found = await lstat(path).catch(() => null)
  if (found === null) return
  if (!found.isDirectory()) {
    total.files += 1
    total.bytes += found.isFile() ? found.size : 0
    return
  }
  for await (const entry of await opendir(path)) await measure(join(path, entry.name), total)
}
