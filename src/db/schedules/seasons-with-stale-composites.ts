import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'
import { seasonsOfFresh } from './seasons-of.js'

/**
 * Ids of the seasons within whose days a composite of an enabled tile of the site or a sub-site lies that is stale, none of its inputs being stale itself: those
 * are made again first.
 */
export async function seasonsWithStaleComposites(db: Queryable): Promise<Set<number>> {
  const { rows } = await sql<{ id: number }>`
    with fresh as materialized (
      select p.satellite, p.tile, p.sensed_at from product p
      where p.processor = 'composite' and p.stale_since is not null and p.removed_at is null
        and not exists (
          select from product_input i join product q on q.id = i.input_product_id
          where i.product_id = p.id and q.stale_since is not null and q.removed_at is null))
    ${seasonsOfFresh}`.execute(db)
  return new Set(rows.map(({ id }) => id))
}
