import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'
import { newsOf, seasonsOfFresh, type NewsBySeason } from './seasons-of.js'

/**
 * By seasons, with their ids: within whose days (UTC) an L2A product in force, not stale, of an enabled tile of the site or a sub-site was sensed for whose revision
 * there is no NDVI and no step that makes or has tried it. One query for all seasons.
 */
export async function seasonsWithNewL2a(db: Queryable): Promise<NewsBySeason> {
  const { rows } = await sql<{ season: number; ids: readonly number[] }>`
    with fresh as materialized (
      select p.id, p.satellite, p.tile, p.sensed_at from product p
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
