import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

export interface FetchedUse {
  /** Slug; null: everything. */
  readonly site: string | null
  readonly bytes: number
}

/**
 * Bytes that sources have fetched and that still lie in the root l1, with what fetches under way are expected to bring: all (site null), and
 * on the enabled tiles of each of these sites with its sub-sites.
 */
export async function readFetchedUse(
  db: Queryable,
  slugs: readonly string[],
): Promise<readonly FetchedUse[]> {
  const { rows } = await sql<FetchedUse>`
    with lying as (
      select a.satellite, a.tile, coalesce(a.fetched_bytes, o.bytes, 0) as bytes
      from acquisition a left join source_offer o on o.acquisition_id = a.id and o.fetch_attempt = a.fetch_attempt
      where a.state = 'fetching' or a.state in ('present', 'superseded') and a.fetched_bytes is not null),
    tiles as (
      select distinct s.slug, t.satellite, t.tile from site s join site_reach r on r.site_id = s.id
      join site_tile t on t.site_id = r.member_id and t.enabled where s.slug = any(${slugs}::text[]))
    select null as site, coalesce(sum(bytes), 0)::float8 as bytes from lying
    union all
    select t.slug, coalesce(sum(l.bytes), 0)::float8 from tiles t join lying l on l.satellite = t.satellite and l.tile = t.tile group by t.slug`.execute(
    db,
  )
  return rows
}

/** Sites whose enabled tiles hold this one, with the site above each. */
export async function sitesOfTile(
  db: Queryable,
  { satellite, tile }: { readonly satellite: 's2' | 'landsat'; readonly tile: string },
): Promise<readonly { readonly id: number; readonly slug: string }[]> {
  const { rows } = await sql<{ id: number; slug: string }>`
    select distinct s.id, s.slug from site_tile t join site_reach r on r.member_id = t.site_id join site s on s.id = r.site_id
    where t.satellite = ${satellite} and t.tile = ${tile} and t.enabled order by s.id`.execute(db)
  return rows
}
