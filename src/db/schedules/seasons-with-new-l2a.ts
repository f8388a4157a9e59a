import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'
import { newsOf, seasonsOfFresh, type NewsBySeason } from './seasons-of.js'

/**
 * L2A products in force, not stale, for whose revision there is no NDVI and no step that makes or has tried it, by the seasons within whose days (UTC) they
 * were sensed, of sites that have their tile enabled or a sub-site that has. One query for all seasons, which looks at what is noted as new.
 */
export async function seasonsWithNewL2a(db: Queryable): Promise<NewsBySeason> {
  const { rows } = await sql<{ season: number; ids: readonly number[] }>`
    with noted as materialized (
      select product_id as id from l2a_news n where exists (
        select from site_tile t where t.satellite = n.satellite and t.tile = n.tile and t.enabled)),
    fresh as materialized (
      select p.id, p.satellite, p.tile, p.sensed_at from noted join product p on p.id = noted.id
      where p.level = 'L2A' and p.removed_at is null and p.stale_since is null and counts_as_l2a(p)
        and not exists (
          select from product_input i join product n on n.id = i.product_id
          where i.input_product_id = p.id and i.input_revision = p.revision and n.processor = 'ndvi')
        and not exists (
          select from product n where n.name = replace(p.name, '_L2A_', '_L3B_') and n.processor = 'ndvi' and n.removed_at is not null)
        and not exists (
          select from step_input i join step s on s.id = i.step_id
          where i.product_id = p.id and i.revision = p.revision and s.processor = 'ndvi'))
    ${seasonsOfFresh}`.execute(db)
  return newsOf(rows)
}
