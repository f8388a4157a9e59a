import { getSite } from '../catalog/sites.js'
import { ProcessingError } from '../domain/errors.js'
import { tileName } from '../domain/tile-name.js'
import { listSiteTiles } from '../db/catalog/site-tiles.js'
import type { Queryable } from '../db/steps/queryable.js'

/** Where a request looks. */
export interface RequestScope {
  /** Null: any tile. */
  readonly siteId: number | null
  /** As the catalog calls them; undefined: all of the site. */
  readonly tiles: readonly string[] | undefined
}

/**
 * The site, season and tiles of a request, checked. Throws NOT_FOUND for an unknown site or season and for a tile that the site does not have or
 * has switched off, TILE_UNKNOWN.
 */
export async function requestScope(
  db: Queryable,
  asked: {
    readonly site: string | undefined
    readonly season: string | undefined
    readonly tiles: readonly string[] | undefined
  },
): Promise<RequestScope> {
  const site = asked.site === undefined ? undefined : await getSite(db, asked.site)
  const seasons = site?.seasons.map(({ name }) => name) ?? []
  if (asked.season !== undefined && !seasons.includes(asked.season))
    throw new ProcessingError(
      'NOT_FOUND',
      `Site '${asked.site ?? ''}' has no season '${asked.season}'; it has ${seasons.join(', ') || 'none'}.`,
    )
  const tiles = asked.tiles?.map((text) => tileName(text).tile)
  if (site !== undefined) await mustHaveTiles(db, site, tiles ?? [])
  return { siteId: site?.id ?? null, tiles }
}

async function mustHaveTiles(
  db: Queryable,
  { id, slug }: { readonly id: number; readonly slug: string },
  tiles: readonly string[],
): Promise<void> {
  if (tiles.length === 0) return
  const own = await listSiteTiles(db, id)
  for (const tile of tiles) {
    const rows = own.filter((row) => row.tile === tile)
    if (rows.some(({ enabled }) => enabled)) continue
    throw new ProcessingError(
      'NOT_FOUND',
      rows.length > 0
        ? `Tile ${tile} of site '${slug}' is switched off. Switch it on with \`tilth tiles set ${slug} --enable ${tile}\`.`
        : `Site '${slug}' has no tile ${tile}. See \`tilth tiles ${slug}\` for those it has.`,
    )
  }
}
