import { sql, type RawBuilder } from 'kysely'
import type { Queryable } from '../steps/queryable.js'
import { isAskedFor, joinHome, joinOwner } from './planning-scope.js'
import { askedFor, byPlace, type SeasonNews } from './season-news.js'

/** Which L2A products; all given conditions hold. Dates are days of sensing in UTC, both included. */
export interface L2aProductFilter {
  readonly siteId?: number
  /** Name of a season in force for the site. */
  readonly season?: string
  readonly from?: string
  readonly to?: string
  readonly tiles?: readonly string[]
  /** Names; also of such that do not count because a better one of the same acquisition is there. */
  readonly names?: readonly string[]
  /** Only those whose L3B product is stale. */
  readonly stale?: boolean
}

export interface NdviInput {
  readonly productId: number
  readonly name: string
  readonly location: string
  readonly revision: number
  readonly satellite: 's2' | 'landsat'
  readonly tile: string
  /** Of all bands of its acquisition; null where not known. */
  readonly pixels: number | null
  /** Whose settings count: the site asked for if it has the tile itself, else its first sub-site by slug that has; null without a site. */
  readonly homeId: number | null
  /** Why the L2A product itself is stale; null: it is not. */
  readonly staleReason: string | null
  /** Its L3B product, in force or removed. */
  readonly existing: {
    readonly name: string
    readonly version: number
    readonly parameters: unknown
    readonly stale: boolean
    readonly removed: string | null
    /** Whether it was made of this very revision. */
    readonly isOfThis: boolean
    /** The site for which it was made, while that site still has the tile enabled; else null. */
    readonly site: string | null
    readonly siteId: number | null
  } | null
  /** The step that waits or runs for it. */
  readonly open: { readonly step: number; readonly parameters: unknown; readonly revision: number } | null
  /** The last step for this very revision that ended without a product. */
  readonly failed: { readonly step: number; readonly code: string | null } | null
}

/**
 * The query's part that says what there is of the L3B of L2A products `p` in force for those that `asked` for them (place, site_id, season), further
 * conditions to follow: of the enabled tiles of the site and its sub-sites, and of the season in force for the site, if there are any.
 */
const inputsOf = (asked: RawBuilder<unknown>): RawBuilder<NdviInput & { place: number }> => sql`
    select asked.place, p.id as "productId", p.name, p.location, p.revision, p.satellite, p.tile, home.id as "homeId", p.stale_reason as "staleReason",
      (select (a.metadata ->> 'pixels')::float8 from acquisition a where a.id = p.acquisition_id) as pixels,
      (select json_build_object('name', n.name, 'version', n.processor_version, 'parameters', n.provenance -> 'parameters',
          'stale', n.stale_since is not null, 'removed', n.removed_reason, 'site', owner.slug, 'siteId', owner.id,
          'isOfThis', exists (select from product_input i where i.product_id = n.id and i.input_product_id = p.id and i.input_revision = p.revision))
       from product n left join step s on s.id = n.step_id ${joinOwner('p')}
       where n.name = replace(p.name, '_L2A_', '_L3B_') and n.processor = 'ndvi') as existing,
      (select json_build_object('step', s.id, 'parameters', s.params -> 'parameters', 'revision', i.revision)
       from step_input i join step s on s.id = i.step_id
       where i.product_id = p.id and s.processor = 'ndvi' and s.state in ('blocked', 'ready', 'running') order by s.id limit 1) as open,
      (select json_build_object('step', s.id, 'code', s.error_code)
       from step_input i join step s on s.id = i.step_id
       where i.product_id = p.id and i.revision = p.revision and s.processor = 'ndvi' and s.state in ('failed', 'quarantined', 'cancelled')
       order by s.id desc limit 1) as failed
    from ${asked}
    ${joinHome('p')}
    where p.level = 'L2A' and p.removed_at is null
      and ${isAskedFor('p')}`

/**
 * L2A products in force, oldest first, of the enabled tiles of the site and its sub-sites if a site is given, each once, with what there is of
 * its L3B product already. Of several of one acquisition the one that counts (`counts_as_l2a`), unless they are named.
 */
export async function listNdviInputs(db: Queryable, filter: L2aProductFilter): Promise<NdviInput[]> {
  const {
    siteId = null,
    season = null,
    from = null,
    to = null,
    tiles = null,
    names = null,
    stale = false,
  } = filter
  const asked = sql`product p cross join (select 0 as place, ${siteId}::bigint as site_id, ${season}::text as season) asked`
  const { rows } = await sql<NdviInput & { place: number }>`
    ${inputsOf(asked)}
      and (${from}::date is null or (p.sensed_at at time zone 'UTC')::date >= ${from})
      and (${to}::date is null or (p.sensed_at at time zone 'UTC')::date <= ${to})
      and (${tiles}::text[] is null or p.tile = any(${tiles}))
      and (${names}::text[] is null or p.name = any(${names}))
      and (${names}::text[] is not null or counts_as_l2a(p))
      and (not ${stale}::boolean or exists (
        select from product n where n.name = replace(p.name, '_L2A_', '_L3B_') and n.processor = 'ndvi'
          and n.stale_since is not null and n.removed_at is null))
    order by p.sensed_at, p.tile, p.id`.execute(db)
  return rows
}

/** Of L2A products that are new for many seasons at once: for each of them as `listNdviInputs` has it. */
export async function listNewNdviInputs(db: Queryable, news: readonly SeasonNews[]): Promise<NdviInput[][]> {
  const { rows } = await sql<NdviInput & { place: number }>`
    ${inputsOf(sql`${askedFor(news)} join product p on p.id = asked.id`)}
      and counts_as_l2a(p)
    order by p.sensed_at, p.tile, p.id`.execute(db)
  return byPlace(news, rows)
}

/** Jobs of one processor are made one at a time, so that two never both find that nobody makes a product yet. Ends with the transaction. */
export async function lockConsumerPlanning(trx: Queryable, processor: 'ndvi' | 'composite'): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('tilth jobs of a processor'), hashtext(${processor}))`.execute(
    trx,
  )
}
