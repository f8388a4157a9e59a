import { listSites as selectSites, readSiteGeometry, type SiteRow } from '../db/catalog/sites.js'
import type { Database } from '../db/connect.js'
import { ProcessingError } from '../domain/errors.js'
import type { GeoJsonArea } from '../domain/polygon.js'
import { areaOfJson } from '../products/areas/parse-geojson.js'

export type { SiteRow } from '../db/catalog/sites.js'

/** All sites by slug. */
export async function listSites(db: Database): Promise<readonly SiteRow[]> {
  return selectSites(db, null)
}

/** Throws NOT_FOUND. */
export async function getSite(db: Database, slug: string): Promise<SiteRow> {
  const [site] = await selectSites(db, slug)
  if (site === undefined)
    throw new ProcessingError('NOT_FOUND', `There is no site '${slug}'. See \`tilth site list\`.`)
  return site
}

/** The area of a site. Throws INTERNAL where the row holds none. */
export async function siteArea(
  db: Database,
  { id, slug }: Pick<SiteRow, 'id' | 'slug'>,
): Promise<GeoJsonArea> {
  const area = areaOfJson(await readSiteGeometry(db, id))
  if (area === null) throw new ProcessingError('INTERNAL', `Site '${slug}' has no polygon in the database.`)
  return area
}
