import { replaceOwnTiles } from '../db/catalog/site-tiles.js'
import { insertSite, lockSites, type SiteRow } from '../db/catalog/sites.js'
import type { Database } from '../db/connect.js'
import { checkArea } from '../domain/check-area.js'
import { ProcessingError } from '../domain/errors.js'
import { bboxOf, type GeoJsonArea } from '../domain/polygon.js'
import { getSite } from './find-site.js'
import { followArea, touchedTiles } from './site-tiles.js'

export { getSite, listSites, siteArea, type SiteRow } from './find-site.js'
export { parseArea } from '../products/areas/parse-area.js'

/** `Marne à l'Est` -> `marne-a-l-est`. Throws BAD_ARGUMENT where nothing is left. */
export function slugOf(name: string): string {
  const slug = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 63)
    .replace(/-+$/, '')
  if (slug === '')
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `'${name}' has no letter or digit for a slug. Give one with --slug.`,
    )
  return slug
}

/** Throws BAD_ARGUMENT for text that is no slug. */
export function checkSlug(slug: string): string {
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(slug))
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `'${slug}' is no slug: expected 1 to 63 of a-z, 0-9 and -, not beginning with -.`,
    )
  return slug
}

export interface AddSiteOptions {
  readonly name: string
  /** Default: made from the name. */
  readonly slug?: string
  readonly area: GeoJsonArea
  /** Slug of the parent site, whose settings and seasons this one inherits. */
  readonly parent?: string
}

/**
 * Adds a site and the tiles of both satellites that its area touches, in one transaction. Throws CONFLICT where the slug is taken or the
 * parent is a sub-site itself, NOT_FOUND for the parent, BAD_ARGUMENT, GEOMETRY_INVALID.
 */
export async function addSite(db: Database, options: AddSiteOptions): Promise<SiteRow> {
  const slug = checkSlug(options.slug ?? slugOf(options.name))
  const area = checkArea(options.area)
  const tiles = followArea([], touchedTiles(area, slug))
  return db.transaction().execute(async (tx) => {
    await lockSites(tx)
    const parent = options.parent === undefined ? null : await getSite(tx, options.parent)
    if (parent !== null) checkCanBeParent(parent)
    const id = await insertSite(tx, {
      slug,
      name: options.name,
      parentId: parent?.id ?? null,
      geometry: area,
      bbox: bboxOf(area),
    })
    if (id === null)
      throw new ProcessingError(
        'CONFLICT',
        `There is a site '${slug}' already. Choose another slug with --slug.`,
      )
    await replaceOwnTiles(tx, id, tiles)
    return getSite(tx, slug)
  })
}

/** One level only. Throws CONFLICT for a site that is a sub-site. */
export function checkCanBeParent(site: Pick<SiteRow, 'slug' | 'parent'>): void {
  if (site.parent !== null)
    throw new ProcessingError(
      'CONFLICT',
      `Site '${site.slug}' is a sub-site of '${site.parent}', and sub-sites have none of their own. Take '${site.parent}' as the parent.`,
    )
}
