import { sql } from 'kysely'
import { lockTiles } from '../catalog/acquisitions.js'
import type { Queryable } from './queryable.js'

/** What a step is about to publish, as far as it decides whether it may. */
export interface OfferedProduct {
  readonly name: string
  readonly satellite: 's2' | 'landsat'
  readonly tile: string
  readonly acquisitionId: number | null
}

/**
 * Why a step may not publish these products; null: it may. Its acquisition, or that of a product, was superseded; or the product in force was made of a newer revision of
 * one of its inputs. Takes the locks of the tiles first, as whoever supersedes and whoever publishes does, so that the answer holds until the transaction ends.
 */
export async function whySuperseded(
  trx: Queryable,
  stepId: number,
  products: readonly OfferedProduct[],
): Promise<string | null> {
  const { rows: own } = await sql<{ satellite: 's2' | 'landsat'; tile: string }>`
    select a.satellite, a.tile from step s join task t on t.job_id = s.job_id and t.id = s.task_id join acquisition a on a.id = t.acquisition_id
    where s.id = ${stepId} and a.tile is not null`.execute(trx)
  await lockTiles(trx, [...own, ...products])
  const offered = products.map(({ name, acquisitionId }) => ({ name, acquisition_id: acquisitionId }))
  // By a statement of its own: it has to see what was committed while the locks were waited for.
  const { rows } = await sql<{ reason: string }>`
    with offered as (
      select name, acquisition_id from jsonb_to_recordset(${JSON.stringify(offered)}::jsonb) as o(name text, acquisition_id bigint)),
    source as (
      select t.acquisition_id as id from step s join task t on t.job_id = s.job_id and t.id = s.task_id where s.id = ${stepId}
      union select acquisition_id from offered)
    select reason from (
      select 1 as place, a.id, coalesce(a.reason, 'superseded by a newer version of its scene') as reason
      from source join acquisition a on a.id = source.id where a.state = 'superseded'
      union all
      select 2, p.id, 'superseded by ' || p.name || ', which is made of revision ' || made.input_revision || ' of ' || q.name || ' and not of ' || mine.revision
      from offered join product p on p.name = offered.name and p.removed_at is null join product_input made on made.product_id = p.id
        join step_input mine on mine.step_id = ${stepId} and mine.product_id = made.input_product_id and mine.revision < made.input_revision
        join product q on q.id = made.input_product_id) reasons
    order by place, id limit 1`.execute(trx)
  return rows[0]?.reason ?? null
}
