import { sql } from 'kysely'
import type { ProductGap } from '../../domain/step-params.js'
import type { Queryable } from '../steps/queryable.js'

export interface PublishedProduct {
  readonly id: number
  readonly name: string
  readonly level: string
  readonly processor: string
  readonly processorVersion: number
  /** The other processor whose pixels these are; null: our own. */
  readonly madeBy: string | null
  readonly satellite: 's2' | 'landsat'
  readonly platform: string
  readonly tile: string
  readonly sensedAt: Date
  readonly location: string
  readonly provenance: unknown
  /** Dates of its window that it was made without, by day; empty: none, or a product of one date. */
  readonly gaps: readonly ProductGap[]
  readonly createdAt: Date
  /** Since when its inputs are not what they were when it was made; null: they are. */
  readonly staleSince: Date | null
  readonly staleReason: string | null
  /** Since when its folder is gone by a retention rule, and which; null: it is there. */
  readonly removedAt: Date | null
  readonly removedReason: string | null
}

export interface ProductFilter {
  readonly name?: string | null
  readonly level?: string | null
  readonly tile?: string | null
  /** Id of a site: products of the enabled tiles of the site and its sub-sites, each once. */
  readonly siteId?: number | null
  /** Only those that are stale. */
  readonly stale?: boolean
  /** Only those that were made without a date of their window. */
  readonly partial?: boolean
  readonly limit: number
}

/** Published products, oldest sensing first; those that a retention rule removed only by name. */
export async function selectProducts(db: Queryable, f: ProductFilter): Promise<readonly PublishedProduct[]> {
  const { rows } =
    await sql<PublishedProduct>`select p.id, p.name, p.level, p.processor, p.processor_version as "processorVersion", p.provenance #>> '{made_by,name}' as "madeBy", p.satellite, p.platform,
      p.tile, p.sensed_at as "sensedAt", p.location, p.provenance, coalesce(p.provenance -> 'gaps', '[]') as gaps, p.created_at as "createdAt",
      p.stale_since as "staleSince", p.stale_reason as "staleReason",
      p.removed_at as "removedAt", p.removed_reason as "removedReason"
    from product p
    where (${f.name ?? null}::text is null or p.name = ${f.name ?? null}) and (${f.level ?? null}::text is null or p.level = ${f.level ?? null})
      and (${f.tile ?? null}::text is null or p.tile = ${f.tile ?? null})
      and (${f.siteId ?? null}::bigint is null or exists (
        select from site_reach r join site_tile t on t.site_id = r.member_id
        where r.site_id = ${f.siteId ?? null} and t.satellite = p.satellite and t.tile = p.tile and t.enabled))
      and (not ${f.stale ?? false}::boolean or p.stale_since is not null)
      and (not ${f.partial ?? false}::boolean or p.provenance -> 'gaps' <> '[]')
      and (${f.name ?? null}::text is not null or p.removed_at is null)
    order by p.sensed_at, p.tile, p.name limit ${f.limit}`.execute(db)
  return rows
}
