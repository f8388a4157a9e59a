import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

/** Mean size of the products of a level that there are, by satellite; bytes. Products whose size was never counted are left out of it. */
export async function readProductSizes(
  db: Queryable,
  level: string,
): Promise<readonly { readonly satellite: 's2' | 'landsat'; readonly bytes: number }[]> {
  const { rows } = await sql<{ satellite: 's2' | 'landsat'; bytes: number }>`
    select satellite, (sum(bytes) / sum(products))::float8 as bytes from storage_use
    where level = ${level} and products > 0 and bytes > 0 group by satellite order by satellite`.execute(db)
  return rows
}
