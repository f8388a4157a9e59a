import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

export type Satellite = 's2' | 'landsat'

export interface TileRow {
  readonly satellite: Satellite
  readonly tile: string
  /** `auto` rows follow the polygon, `manual` ones are the user's. */
  readonly origin: 'auto' | 'manual'
  readonly enabled: boolean
}

export interface SiteTileRow extends TileRow {
  /** Slugs of those that have it, of the site and its sub-sites. */
  readonly sites: readonly string[]
}

/**
 * Tiles of a site and its sub-sites, each once. One is enabled if it is with any of them; `sites` are those then, else all that have it.
 * It is `auto` if it follows from any of their polygons.
 */
export async function listSiteTiles(db: Queryable, siteId: number): Promise<readonly SiteTileRow[]> {
  const { rows } = await sql<SiteTileRow>`
    select t.satellite::text as satellite, t.tile, bool_or(t.enabled) as enabled,
      case when bool_or(t.origin = 'auto') then 'auto' else 'manual' end as origin,
      coalesce(json_agg(s.slug order by s.slug) filter (where t.enabled), json_agg(s.slug order by s.slug)) as sites
    from site_reach r join site_tile t on t.site_id = r.member_id join site s on s.id = t.site_id
    where r.site_id = ${siteId}
    group by t.satellite, t.tile order by t.satellite, t.tile`.execute(db)
  return rows
}

/** A site's own tiles, without those of its sub-sites. */
export async function listOwnTiles(db: Queryable, siteId: number): Promise<readonly TileRow[]> {
  const rows = await db
    .selectFrom('site_tile')
    .select(['satellite', 'tile', 'origin', 'enabled'])
    .where('site_id', '=', siteId)
    .orderBy('satellite')
    .orderBy('tile')
    .execute()
  return rows.map((row) => ({ ...row, origin: row.origin === 'auto' ? 'auto' : 'manual' }))
}

export interface TileName {
  readonly satellite: Satellite
  readonly tile: string
}

/** Adds tiles or changes their filter. The origin of a tile that is there already stays. */
export async function upsertSiteTiles(
  db: Queryable,
  siteId: number,
  tiles: readonly TileName[],
  { origin, enabled }: { readonly origin: 'auto' | 'manual'; readonly enabled: boolean },
): Promise<void> {
  if (tiles.length === 0) return
  await sql`
    insert into site_tile (site_id, satellite, tile, origin, enabled)
    select ${siteId}, satellite::satellite, tile, ${origin}, ${enabled}
    from jsonb_to_recordset(${JSON.stringify(tiles)}::jsonb) as t(satellite text, tile text)
    on conflict (site_id, satellite, tile) do update set enabled = excluded.enabled`.execute(db)
}

/** Makes a site's own tiles exactly these. */
export async function replaceOwnTiles(
  db: Queryable,
  siteId: number,
  tiles: readonly TileRow[],
): Promise<void> {
  const rows = JSON.stringify(tiles)
  await sql`
    delete from site_tile where site_id = ${siteId} and (satellite::text, tile) not in (
      select satellite, tile from jsonb_to_recordset(${rows}::jsonb) as t(satellite text, tile text))`.execute(
    db,
  )
  await sql`
    insert into site_tile (site_id, satellite, tile, origin, enabled)
    select ${siteId}, satellite::satellite, tile, origin, enabled
    from jsonb_to_recordset(${rows}::jsonb) as t(satellite text, tile text, origin text, enabled boolean)
    on conflict (site_id, satellite, tile) do update set origin = excluded.origin, enabled = excluded.enabled`.execute(
    db,
  )
}
