import { sql, type RawBuilder } from 'kysely'

/** What is new, by season: ids of acquisitions or of products, ascending. */
export type NewsBySeason = ReadonlyMap<number, readonly number[]>

/**
 * The query's end that turns `fresh` (id, satellite, tile, sensed_at) into its ids by the seasons within whose days (UTC) it was sensed, of sites that have the
 * tile enabled or a sub-site that has.
 */
export const seasonsOfFresh: RawBuilder<{ season: number; ids: readonly number[] }> = sql`
    select n.id as season, json_agg(distinct fresh.id) as ids from fresh
    join site_tile t on t.satellite = fresh.satellite and t.tile = fresh.tile and t.enabled
    join site_reach r on r.member_id = t.site_id join season n on n.site_id = r.site_id
    where fresh.sensed_at >= n.starts_on::timestamp at time zone 'UTC' and fresh.sensed_at < (n.ends_on + 1)::timestamp at time zone 'UTC'
    group by n.id`

export const newsOf = (
  rows: readonly { readonly season: number; readonly ids: readonly number[] }[],
): NewsBySeason => new Map(rows.map(({ season, ids }) => [season, [...ids].sort((a, b) => a - b)]))
