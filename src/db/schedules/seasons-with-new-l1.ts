import { sql } from 'kysely'
import { untriedL2a } from '../jobs/untried.js'
import type { Queryable } from '../steps/queryable.js'

/**
 * Ids of the seasons within whose days (UTC) a present acquisition of an enabled tile of the site or a sub-site was sensed whose L2A is untried. One
 * query for all seasons: a look at a thousand sites costs about as much as at one.
 */
export async function seasonsWithNewL1(db: Queryable): Promise<Set<number>> {
  const { rows } = await sql<{ id: number }>`
    with fresh as materialized (
      select a.satellite, a.tile, a.sensed_at from acquisition a
      where a.state = 'present' and a.metadata ->> 'madeBy' is null and ${untriedL2a})
    select distinct n.id from fresh join site_tile t on t.satellite = fresh.satellite and t.tile = fresh.tile and t.enabled
    join site_reach r on r.member_id = t.site_id join season n on n.site_id = r.site_id
    where fresh.sensed_at >= n.starts_on::timestamp at time zone 'UTC' and fresh.sensed_at < (n.ends_on + 1)::timestamp at time zone 'UTC'`.execute(
    db,
  )
  return new Set(rows.map(({ id }) => id))
}
