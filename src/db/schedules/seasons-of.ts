import { sql, type RawBuilder } from 'kysely'

/**
 * The query's end that turns `fresh` (satellite, tile, sensed_at) into ids of the seasons within whose days (UTC) it was sensed, of sites that have the tile
 * enabled or a sub-site that has.
 */
export const seasonsOfFresh: RawBuilder<{ id: number }> = sql`
    select distinct n.id from fresh join site_tile t on t.satellite = fresh.satellite and t.tile = fresh.tile and t.enabled
    join site_reach r on r.member_id = t.site_id join season n on n.site_id = r.site_id
    where fresh.sensed_at >= n.starts_on::timestamp at time zone 'UTC' and fresh.sensed_at < (n.ends_on + 1)::timestamp at time zone 'UTC'`
