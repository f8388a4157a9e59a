import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

/** A synthesis day that a season has asked for. */
export interface AskedDay {
  readonly seasonId: number
  readonly siteId: number
  /** YYYY-MM-DD; stands for its noon, UTC. */
  readonly day: string
}

/** A composite that was never made, although there is L2A around its day now. */
export interface UnmadeComposite {
  readonly seasonId: number
  readonly day: string
  readonly satellite: 's2' | 'landsat'
  readonly tile: string
  /** Whose settings count: the season's site if it has the tile itself, else its first sub-site by slug that has. */
  readonly homeId: number
  /** From the day's noon to the nearest L2A that counts, days, at most 183. */
  readonly nearestDays: number
}

/** Of the enabled tiles of each season's site and its sub-sites; by season, day and tile. A composite that was removed was made. */
export async function listUnmadeComposites(
  db: Queryable,
  asked: readonly AskedDay[],
): Promise<readonly UnmadeComposite[]> {
  const { rows } = await sql<UnmadeComposite>`
    with asked as materialized (
      select a.season_id, a.site_id, a.day, (a.day + time '12:00') at time zone 'UTC' as noon
      from json_to_recordset(${JSON.stringify(asked.map(({ seasonId, siteId, day }) => ({ season_id: seasonId, site_id: siteId, day })))}::json)
        as a (season_id bigint, site_id bigint, day date)),
    -- Read once: Postgres expects few rows of a list of days, and would look for the composites of each of tens of thousands.
    made as materialized (
      select satellite, tile, sensed_at from product where window_from is not null and processor = 'composite'),
    unmade as materialized (
      select distinct on (a.season_id, a.day, t.satellite, t.tile) a.season_id, a.day, a.noon, t.satellite, t.tile, home.id as home_id
      from asked a join site_reach r on r.site_id = a.site_id join site_tile t on t.site_id = r.member_id and t.enabled
        join site home on home.id = r.member_id
        left join made on made.satellite = t.satellite and made.tile = t.tile and made.sensed_at = a.noon
      where made.tile is null
      order by a.season_id, a.day, t.satellite, t.tile, home.id <> r.site_id, home.slug)
    select u.season_id as "seasonId", u.day::text as day, u.satellite, u.tile, u.home_id as "homeId", near.days as "nearestDays"
    from unmade u cross join lateral (
      select (min(abs(extract(epoch from p.sensed_at - u.noon))) / 86400)::float8 as days from product p
      where p.level = 'L2A' and p.satellite = u.satellite and p.tile = u.tile
        and p.sensed_at between u.noon - interval '183 days' and u.noon + interval '183 days' and counts_as_l2a(p)) near
    where near.days is not null
    order by u.season_id, u.day, u.satellite, u.tile`.execute(db)
  return rows
}
