import { sql } from 'kysely'
import { untriedL2a } from '../jobs/untried.js'
import type { Queryable } from '../steps/queryable.js'
import { newsOf, seasonsOfFresh, type NewsBySeason } from './seasons-of.js'

/**
 * Present acquisitions whose L2A is untried, by the seasons within whose days (UTC) they were sensed, of sites that have their tile enabled or a sub-site that
 * has. One query for all seasons, which looks at what is noted as new and at stale L2A: it costs about nothing where there is neither.
 */
export async function seasonsWithNewL1(db: Queryable): Promise<NewsBySeason> {
  const { rows } = await sql<{ season: number; ids: readonly number[] }>`
    with noted as (
      select acquisition_id as id from l1_news n where exists (
        select from site_tile t where t.satellite = n.satellite and t.tile = n.tile and t.enabled)
      union
      select unnest(array[v.id, v.superseded_by]) from product p join acquisition v on v.id = p.acquisition_id
      where p.processor = 'l2a' and p.stale_since is not null and p.removed_at is null),
    fresh as materialized (
      select a.id, a.satellite, a.tile, a.sensed_at from noted join acquisition a on a.id = noted.id
      where a.state = 'present' and a.metadata ->> 'madeBy' is null and ${untriedL2a})
    ${seasonsOfFresh}`.execute(db)
  return newsOf(rows)
}
