import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

export interface SiteRow {
  readonly id: number
  readonly slug: string
  readonly name: string
  readonly parentId: number | null
  readonly parent: string | null
  /** Slugs of its sub-sites, sorted. */
  readonly subSites: readonly string[]
  readonly paused: boolean
  /** West, south, east, north in degrees. */
  readonly bbox: readonly [number, number, number, number]
  readonly createdAt: Date
  /** Enabled tiles of the site and its sub-sites. */
  readonly tiles: { readonly s2: number; readonly landsat: number }
  /** In force: its own, else its parent's. */
  readonly seasons: readonly SeasonRow[]
  /** Slug of the site that the seasons belong to; null where there are none. */
  readonly seasonsOf: string | null
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
  readonly paused?: boolean
}

/** Sites by slug, with seasons and the number of enabled tiles; one of them if `slug` is given. Without their geometry. */
export async function listSites(db: Queryable, slug: string | null): Promise<readonly SiteRow[]> {
  const { rows } = await sql<SiteRow>`
    select s.id, s.slug, s.name, s.parent_id as "parentId", p.slug as parent, s.paused, s.created_at as "createdAt",
      coalesce((select json_agg(child.slug order by child.slug) from site child where child.parent_id = s.id), '[]') as "subSites",
      json_build_array((s.bbox[1])[0], (s.bbox[1])[1], (s.bbox[0])[0], (s.bbox[0])[1]) as bbox,
      (select json_build_object('s2', count(distinct t.tile) filter (where t.satellite = 's2'),
          'landsat', count(distinct t.tile) filter (where t.satellite = 'landsat'))
        from site_reach r join site_tile t on t.site_id = r.member_id and t.enabled where r.site_id = s.id) as tiles,
      coalesce((select json_agg(json_build_object('name', n.name, 'startsOn', n.starts_on, 'midOn', n.mid_on, 'endsOn', n.ends_on)
        order by n.starts_on) from site_season n where n.site_id = s.id), '[]') as seasons,
      (select o.slug from site_season n join site o on o.id = n.from_site_id where n.site_id = s.id limit 1) as "seasonsOf"
    from site s left join site p on p.id = s.parent_id
    where ${slug}::text is null or s.slug = ${slug} order by s.slug`.execute(db)
  return rows
}

/** GeoJSON of a site's area as it is stored; undefined where there is no such site. */
export async function readSiteGeometry(db: Queryable, id: number): Promise<unknown> {
  const row = await db.selectFrom('site').select('geometry').where('id', '=', id).executeTakeFirst()
  return row?.geometry
}

/** Adds a site; null when the slug is taken. */
export async function insertSite(db: Queryable, site: NewSite): Promise<number | null> {
  const row = await db
    .insertInto('site')
    .values({
      slug: site.slug,
      name: site.name,
      parent_id: site.parentId,
      geometry: JSON.stringify(site.geometry),
      bbox: boxText(site.bbox),
      paused: site.paused ?? false,
    })
    .onConflict((c) => c.column('slug').doNothing())
    .returning('id')
    .executeTakeFirst()
  return row?.id ?? null
}

export interface SiteChange {
  readonly name?: string
  readonly paused?: boolean
  readonly parentId?: number | null
  readonly area?: { readonly geometry: unknown; readonly bbox: readonly [number, number, number, number] }
}

/** Changes what is given of a site. */
export async function updateSite(db: Queryable, id: number, change: SiteChange): Promise<void> {
  const { name, paused, parentId, area } = change
  const values = {
    ...(name === undefined ? {} : { name }),
    ...(paused === undefined ? {} : { paused }),
    ...(parentId === undefined ? {} : { parent_id: parentId }),
    ...(area === undefined ? {} : { geometry: JSON.stringify(area.geometry), bbox: boxText(area.bbox) }),
  }
  if (Object.keys(values).length > 0) await db.updateTable('site').set(values).where('id', '=', id).execute()
}

/**
 * One change of the tree of sites at a time: taken by all that read sites and write others by what they read (split, merge, apply,
 * remove). The lock ends with the transaction.
 */
export async function lockSites(trx: Queryable): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('tilth sites'))`.execute(trx)
}

const boxText = ([west, south, east, north]: NewSite['bbox']): string =>
  `((${west},${south}),(${east},${north}))`
