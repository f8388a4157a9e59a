import type { Queryable } from '../steps/queryable.js'

export interface SiteTileRow {
  readonly satellite: 's2' | 'landsat'
  readonly tile: string
  readonly origin: string
  readonly enabled: boolean
}

export async function listSiteTiles(db: Queryable, siteId: number): Promise<readonly SiteTileRow[]> {
  return db
    .selectFrom('site_tile')
    .select(['satellite', 'tile', 'origin', 'enabled'])
    .where('site_id', '=', siteId)
    .orderBy('satellite')
    .orderBy('tile')
    .execute()
}

/** Adds tiles or changes their filter. The origin of a tile that is there already stays. */
export async function upsertSiteTiles(
  db: Queryable,
  siteId: number,
  tiles: readonly string[],
  { origin, enabled }: { readonly origin: 'auto' | 'manual'; readonly enabled: boolean },
): Promise<void> {
  if (tiles.length === 0) return
  await db
    .insertInto('site_tile')
    .values(tiles.map((tile) => ({ site_id: siteId, satellite: 's2' as const, tile, origin, enabled })))
    .onConflict((c) => c.columns(['site_id', 'satellite', 'tile']).doUpdateSet({ enabled }))
    .execute()
}

/** The filter as exactly these tiles: others of the polygon are disabled, others added by hand are removed. */
export async function enableOnlyTiles(
  db: Queryable,
  siteId: number,
  tiles: readonly string[],
): Promise<void> {
  await db
    .deleteFrom('site_tile')
    .where('site_id', '=', siteId)
    .where('satellite', '=', 's2')
    .where('origin', '=', 'manual')
    .where('tile', 'not in', tiles.length > 0 ? [...tiles] : [''])
    .execute()
  await db
    .updateTable('site_tile')
    .set({ enabled: false })
    .where('site_id', '=', siteId)
    .where('satellite', '=', 's2')
    .execute()
  await upsertSiteTiles(db, siteId, tiles, { origin: 'manual', enabled: true })
}
