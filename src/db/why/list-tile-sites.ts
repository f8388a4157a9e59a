import { sql } from 'kysely'
import type { SeasonRow } from '../catalog/sites.js'
import type { Queryable } from '../steps/queryable.js'

/** A site that lists a tile. */
export interface TileSite {
  readonly satellite: 's2' | 'landsat'
  readonly tile: string
  readonly slug: string
  /** The row of the tile filter. */
  readonly origin: string
  readonly enabled: boolean
  /** By its own flag or its parent's. */
  readonly paused: boolean
  readonly seasons: readonly SeasonRow[]
}

/** Sites that list any of these tiles, enabled or not, by slug. */
export async function listTileSites(db: Queryable, tiles: readonly string[]): Promise<readonly TileSite[]> {
  if (tiles.length === 0) return []
  const { rows } = await sql<TileSite>`
    select t.satellite, t.tile, s.slug, t.origin, t.enabled, s.paused or coalesce(parent.paused, false) as paused,
      coalesce((select json_agg(json_build_object('name', n.name, 'startsOn', n.starts_on, 'midOn', n.mid_on, 'endsOn', n.ends_on)
        order by n.starts_on) from site_season n where n.site_id = s.id), '[]') as seasons
    from site_tile t join site s on s.id = t.site_id left join site parent on parent.id = s.parent_id
    where t.tile = any(${tiles}::text[]) order by s.slug, t.tile`.execute(db)
  return rows
}
