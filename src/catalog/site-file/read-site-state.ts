import { listOwnSeasons } from '../../db/catalog/seasons.js'
import { listOwnTiles, type TileRow } from '../../db/catalog/site-tiles.js'
import type { SeasonRow, SiteRow } from '../../db/catalog/sites.js'
import { listOwnSettings } from '../../db/catalog/sub-sites.js'
import type { Database } from '../../db/connect.js'
import { ProcessingError } from '../../domain/errors.js'
import type { GeoJsonArea } from '../../domain/polygon.js'
import { getSite, siteArea } from '../find-site.js'

/** All that a site file can say of a site, as it is. */
export interface SiteState {
  readonly site: SiteRow
  readonly area: GeoJsonArea
  /** Own seasons, tiles and settings, without what is inherited. */
  readonly seasons: readonly SeasonRow[]
  readonly tiles: readonly TileRow[]
  readonly settings: Readonly<Record<string, unknown>>
}

/** Undefined where there is no such site. */
export async function readSiteState(db: Database, slug: string): Promise<SiteState | undefined> {
  const site = await getSite(db, slug).catch((error: unknown) => {
    if (error instanceof ProcessingError && error.code === 'NOT_FOUND') return undefined
    throw error
  })
  if (site === undefined) return undefined
  const settings = await listOwnSettings(db, [site.id])
  return {
    site,
    area: await siteArea(db, site),
    seasons: await listOwnSeasons(db, site.id),
    tiles: await listOwnTiles(db, site.id),
    settings: Object.fromEntries(settings.map(({ key, value }) => [key, value])),
  }
}
