import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

/** A site with a season that has begun by the planning time, and whose acquisitions of a satellite are wanted. */
export interface WantedSeason {
  readonly siteId: number
  readonly slug: string
  readonly season: string
  /** Days, YYYY-MM-DD: first, and last or today, whichever comes first. */
  readonly startsOn: string
  readonly until: string
  /** It ended so long ago that nothing new is expected. */
  readonly isPast: boolean
}

/** Seasons of the sites that a source serves (null: all), of those with an enabled tile of the satellite that are not paused. */
export async function listWantedSeasons(
  db: Queryable,
  {
    siteId,
    satellite,
    lateDays,
  }: { readonly siteId: number | null; readonly satellite: 's2' | 'landsat'; readonly lateDays: number },
): Promise<readonly WantedSeason[]> {
  const { rows } = await sql<WantedSeason>`
    select s.id as "siteId", s.slug, ss.name as season, ss.starts_on as "startsOn", least(ss.ends_on, today.day) as until,
      ss.ends_on + ${lateDays}::int < today.day as "isPast"
    from (select (season_now() at time zone 'UTC')::date as day) today, site s
    join site_season ss on ss.site_id = s.id left join site parent on parent.id = s.parent_id
    where ss.starts_on <= today.day and not s.paused and not coalesce(parent.paused, false)
      and exists (select from site_tile t where t.site_id = s.id and t.satellite = ${satellite} and t.enabled)
      and (${siteId}::bigint is null or exists (select from site_reach r where r.site_id = ${siteId} and r.member_id = s.id))
    order by s.id, ss.starts_on, ss.name`.execute(db)
  return rows
}

export interface WantedTile {
  readonly siteId: number
  readonly tile: string
  readonly origin: 'auto' | 'manual'
  readonly enabled: boolean
}

/** Tiles of those sites, also those that their filters leave out. */
export async function listWantedTiles(
  db: Queryable,
  { siteId, satellite }: { readonly siteId: number | null; readonly satellite: 's2' | 'landsat' },
): Promise<readonly WantedTile[]> {
  const { rows } = await sql<WantedTile>`
    select t.site_id as "siteId", t.tile, t.origin, t.enabled from site_tile t
    where t.satellite = ${satellite}
      and (${siteId}::bigint is null or exists (select from site_reach r where r.site_id = ${siteId} and r.member_id = t.site_id))
    order by t.site_id, t.tile`.execute(db)
  return rows
}
