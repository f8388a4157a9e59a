import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

/**
 * Ids of the seasons within whose days a composite of an enabled tile of the site or a sub-site lies that is stale, none of its inputs being stale itself: those
 * are made again first.
 */
export async function seasonsWithStaleComposites(db: Queryable): Promise<Set<number>> {
  const { rows } = await sql<{ id: number }>`
    with stale as materialized (
      select p.satellite, p.tile, p.sensed_at from product p
      where p.processor = 'composite' and p.stale_since is not null and p.removed_at is null
        and not exists (
          select from product_input i join product q on q.id = i.input_product_id
          where i.product_id = p.id and q.stale_since is not null and q.removed_at is null))
    select distinct n.id from stale join site_tile t on t.satellite = stale.satellite and t.tile = stale.tile and t.enabled
    join site_reach r on r.member_id = t.site_id join season n on n.site_id = r.site_id
    where stale.sensed_at >= n.starts_on::timestamp at time zone 'UTC' and stale.sensed_at < (n.ends_on + 1)::timestamp at time zone 'UTC'`.execute(
    db,
  )
  return new Set(rows.map(({ id }) => id))
}
