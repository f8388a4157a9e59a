import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

/** The newest step of a processor that was made for a product of this name; undefined where there never was one. */
export async function findStepOfProduct(
  db: Queryable,
  { processor, product }: { readonly processor: string; readonly product: string },
): Promise<number | undefined> {
  const { rows } = await sql<{ id: number }>`
    select s.id from job j join step s on s.job_id = j.id
    where j.processor = ${processor} and s.params ->> 'product' = ${product} order by s.id desc limit 1`.execute(
    db,
  )
  return rows[0]?.id
}
