import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

export interface SiteRow {
  readonly id: number
  readonly slug: string
  readonly name: string
  readonly parent: string | null
  readonly paused: boolean
  readonly geometry: unknown
  /** West, south, east, north in degrees. */
  readonly bbox: readonly [number, number, number, number]
  readonly createdAt: Date
  readonly tiles: number
  readonly seasons: readonly SeasonRow[]
}

export interface SeasonRow {
  readonly name: string
  /** Days, YYYY-MM-DD. */
  readonly startsOn: string
  readonly midOn: string
  readonly endsOn: string
}

export interface NewSite {
  readonly slug: string
  readonly name: string
  readonly parentId: number | null
  readonly geometry: unknown
  readonly bbox: readonly [number, number, number, number]
}

/** Sites by slug, with seasons and the number of enabled tiles; one of them if `slug` is given. */
export async function listSites(db: Queryable, slug: string | null): Promise<readonly SiteRow[]> {
  const { rows } = await sql<SiteRow>`
    select s.id, s.slug, s.name, p.slug as parent, s.paused, s.geometry, s.created_at as "createdAt",
      json_build_array((s.bbox[1])[0], (s.bbox[1])[1], (s.bbox[0])[0], (s.bbox[0])[1]) as bbox,
      (select count(*) from site_tile t where t.site_id = s.id and t.enabled)::int as tiles,
      coalesce((select json_agg(json_build_object('name', n.name, 'startsOn', n.starts_on, 'midOn', n.mid_on, 'endsOn', n.ends_on)
        order by n.starts_on) from season n where n.site_id = s.id), '[]') as seasons
    from site s left join site p on p.id = s.parent_id
    where ${slug}::text is null or s.slug = ${slug} order by s.slug`.execute(db)
  return rows
}

/** Adds a site; null when the slug is taken. */
export async function insertSite(db: Queryable, site: NewSite): Promise<number | null> {
  const [west, south, east, north] = site.bbox
  const row = await db
    .insertInto('site')
    .values({
      slug: site.slug,
      name: site.name,
      parent_id: site.parentId,
      geometry: JSON.stringify(site.geometry),
      bbox: `((${west},${south}),(${east},${north}))`,
    })
    .onConflict((c) => c.column('slug').doNothing())
    .returning('id')
    .executeTakeFirst()
  return row?.id ?? null
}

/** Adds a season; false when the site has one of this name. */
export async function insertSeason(db: Queryable, siteId: number, season: SeasonRow): Promise<boolean> {
  const row = await db
    .insertInto('season')
    .values({
      site_id: siteId,
      name: season.name,
      starts_on: season.startsOn,
      mid_on: season.midOn,
      ends_on: season.endsOn,
    })
    .onConflict((c) => c.columns(['site_id', 'name']).doNothing())
    .returning('id')
    .executeTakeFirst()
  return row !== undefined
}
