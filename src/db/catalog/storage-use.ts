import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

/** Bytes that products in force have in the archive: all of them (site null), and those on enabled tiles of each given site with all below it. */
export async function readArchiveUse(
  db: Queryable,
  slugs: readonly string[],
): Promise<{ site: string | null; bytes: number }[]> {
  const { rows } = await sql<{ site: string | null; bytes: number }>`
    with recursive tree as (
      select slug as top, id from site where slug = any(${slugs}::text[])
      union select tree.top, child.id from site child join tree on child.parent_id = tree.id),
    tiles as (select distinct tree.top, t.satellite, t.tile from tree join site_tile t on t.site_id = tree.id and t.enabled)
    select null as site, coalesce(sum(bytes), 0)::float8 as bytes from storage_use where root = 'archive'
    union all
    select tiles.top, coalesce(sum(u.bytes), 0)::float8 from tiles
      join storage_use u on u.satellite = tiles.satellite and u.tile = tiles.tile and u.root = 'archive' group by tiles.top`.execute(
    db,
  )
  return rows
}

/** Mean bytes of the newest products of a processor, at most a hundred; null while there is none. */
export async function readMeanOutput(db: Queryable, processor: string): Promise<number | null> {
  const { rows } = await sql<{ bytes: number | null }>`
    select avg(bytes)::float8 as bytes from (
      select bytes from product where processor = ${processor} and bytes is not null order by id desc limit 100) as last`.execute(
    db,
  )
  return rows[0]?.bytes ?? null
}

export interface StorageUseRow {
  readonly root: string
  readonly satellite: 's2' | 'landsat'
  readonly tile: string
  readonly level: string
  readonly products: number
  readonly bytes: number
}

/** Products and bytes by root and level. */
export async function listUseByLevel(
  db: Queryable,
): Promise<Pick<StorageUseRow, 'root' | 'level' | 'products' | 'bytes'>[]> {
  const { rows } = await sql<Pick<StorageUseRow, 'root' | 'level' | 'products' | 'bytes'>>`
    select root, level, sum(products)::float8 as products, sum(bytes)::float8 as bytes from storage_use
    group by root, level having sum(products) > 0 order by root, sum(bytes) desc`.execute(db)
  return rows
}

/** The tiles with most bytes, largest first. */
export async function listLargestTiles(db: Queryable, limit: number): Promise<StorageUseRow[]> {
  return db
    .selectFrom('storage_use')
    .select(['root', 'satellite', 'tile', 'level', 'products', 'bytes'])
    .where('products', '>', 0)
    .orderBy('bytes', 'desc')
    .orderBy('tile')
    .limit(limit)
    .execute()
}
