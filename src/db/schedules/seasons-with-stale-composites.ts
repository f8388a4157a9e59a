import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'
import { newsOf, seasonsOfFresh, type NewsBySeason } from './seasons-of.js'

/**
 * Composites that are stale, by the seasons within whose days they lie, of sites that have their tile enabled or a sub-site that has; none of its inputs being stale itself: those
 * are made again first, except where that has failed for good.
 */
export async function seasonsWithStaleComposites(db: Queryable): Promise<NewsBySeason> {
  const { rows } = await sql<{ season: number; ids: readonly number[] }>`
    with fresh as materialized (
      select p.id, p.satellite, p.tile, p.sensed_at from product p
      where p.processor = 'composite' and p.stale_since is not null and p.removed_at is null
        and not exists (
          select from product_input i join product q on q.id = i.input_product_id
          where i.product_id = p.id and q.stale_since is not null and q.removed_at is null
            and not exists (select from chain_state c where c.product_id = q.id and c.is_given_up)))
    ${seasonsOfFresh}`.execute(db)
  return newsOf(rows)
}
