import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

/** Which acquisitions; all given conditions hold. Dates are days in UTC, both included. */
export interface AcquisitionFilter {
  readonly siteId?: number
  /** Name of a season of the site. */
  readonly season?: string
  readonly from?: string
  readonly to?: string
  readonly tiles?: readonly string[]
  readonly acquisitionIds?: readonly number[]
  /** Only those whose L2A is stale: made from them, or from a version of the scene that they superseded. */
  readonly stale?: boolean
}

export interface L2aInput {
  readonly acquisitionId: number
  readonly satellite: 's2' | 'landsat'
  readonly tile: string
  readonly location: string
  readonly productUri: string | null
  /** Name of the L2A product made from this acquisition with the same parameters and version, if any. */
  readonly existing: string | null
  /** A step that waits or runs with the same parameters, if any. */
  readonly queuedStep: number | null
}

/**
 * Present Sentinel-2 acquisitions, oldest first, of the site's enabled tiles if a site is given, each with what there is
 * of its L2A already. `parameters` are compared as JSON, so the order of keys does not matter.
 */
export async function listL2aInputs(
  db: Queryable,
  filter: AcquisitionFilter,
  { parameters, version }: { parameters: unknown; version: number },
): Promise<L2aInput[]> {
  const frozen = JSON.stringify(parameters)
  const {
    siteId = null,
    season = null,
    from = null,
    to = null,
    tiles = null,
    acquisitionIds = null,
    stale = false,
  } = filter
  const { rows } = await sql<L2aInput>`
    select a.id as "acquisitionId", a.satellite, a.tile, a.location, a.product_uri as "productUri",
      (select p.name from product p
       where p.acquisition_id = a.id and p.processor = 'l2a' and p.processor_version = ${version}
         and p.stale_since is null and p.provenance -> 'parameters' = ${frozen}::jsonb limit 1) as existing,
      (select s.id from step s join task t on t.id = s.task_id
       where t.acquisition_id = a.id and s.processor = 'l2a' and s.state in ('blocked', 'ready', 'running')
         and s.params -> 'parameters' = ${frozen}::jsonb limit 1) as "queuedStep"
    from acquisition a
    where a.satellite = 's2' and a.state = 'present'
      and (${siteId}::bigint is null or exists (
        select from site_tile t where t.site_id = ${siteId} and t.satellite = 's2' and t.tile = a.tile and t.enabled))
      and (${season}::text is null or exists (
        select from season n where n.site_id = ${siteId} and n.name = ${season}
          and (a.sensed_at at time zone 'UTC')::date between n.starts_on and n.ends_on))
      and (${from}::date is null or (a.sensed_at at time zone 'UTC')::date >= ${from})
      and (${to}::date is null or (a.sensed_at at time zone 'UTC')::date <= ${to})
      and (${tiles}::text[] is null or a.tile = any(${tiles}))
      and (${acquisitionIds}::bigint[] is null or a.id = any(${acquisitionIds}))
      and (not ${stale}::boolean or a.id in (
        select coalesce(v.superseded_by, v.id) from product p join acquisition v on v.id = p.acquisition_id
        where p.processor = 'l2a' and p.stale_since is not null and p.removed_at is null))
    order by a.sensed_at, a.tile, a.id`.execute(db)
  return rows
}
