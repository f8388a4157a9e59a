import { sql } from 'kysely'
import type { AcquisitionState, StepState } from '../../domain/states.js'
import type { Queryable } from '../steps/queryable.js'

/** An acquisition with the last that was done about its L2A. */
export interface StandingRow {
  readonly acquisitionId: number
  /** Name of the product as delivered, else where it lies. */
  readonly name: string
  readonly satellite: 's2' | 'landsat'
  readonly tile: string | null
  readonly sensedAt: Date | null
  readonly platform: string | null
  readonly relativeOrbit: number | null
  /** By the product's own metadata. */
  readonly cloudPercent: number | null
  readonly state: AcquisitionState
  readonly reasonCode: string | null
  readonly reason: string | null
  /** The newest L2A product made from it. */
  readonly product: string | null
  /** Why that product is stale; null where it is not. */
  readonly staleReason: string | null
  /** The other processor where it is a foreign L2A product; null for L1. */
  readonly madeBy: string | null
  /** The newest L2A step for it; of one that counts, such that gave way while it did not are left out. */
  readonly stepId: number | null
  readonly stepState: StepState | null
  readonly errorCode: string | null
  readonly errorMessage: string | null
}

export interface StandingFilter {
  readonly ids?: readonly number[]
  readonly satellite?: 's2' | 'landsat'
  readonly tile?: string
  /** Tiles that this site or a child of it has enabled. */
  readonly siteId?: number
  /** Sensing days, UTC, YYYY-MM-DD, both included. */
  readonly from?: string
  readonly to?: string
  /** Name of the product as delivered, with or without its extension. */
  readonly name?: string
  readonly limit: number
}

/** Oldest sensing first; all given conditions hold. */
export async function listStandings(db: Queryable, filter: StandingFilter): Promise<readonly StandingRow[]> {
  const { ids = null, satellite = null, tile = null, siteId = null, name = null, limit } = filter
  const { from = null, to = null } = filter
  const { rows } = await sql<StandingRow>`
    select a.id as "acquisitionId", coalesce(a.product_uri, a.location) as name, a.satellite, a.tile, a.sensed_at as "sensedAt",
      a.platform, a.relative_orbit as "relativeOrbit", a.cloud_percent as "cloudPercent",
      a.state::text as state, a.reason_code as "reasonCode", a.reason, made.name as product, made.stale_reason as "staleReason",
      a.metadata ->> 'madeBy' as "madeBy",
      last.id as "stepId", last.state::text as "stepState", last.error_code as "errorCode", last.error_message as "errorMessage"
    from acquisition a
    left join lateral (
      select p.name, p.stale_reason from product p where p.acquisition_id = a.id and p.level = 'L2A' and p.removed_at is null order by p.created_at desc limit 1) made on true
    left join lateral (
      select s.id, s.state, s.error_code, s.error_message from task t join step s on s.job_id = t.job_id and s.task_id = t.id
      where t.acquisition_id = a.id and s.processor in ('l2a', 'import_l2a')
      and (a.state = 'superseded' or s.error_code is distinct from 'SUPERSEDED') order by s.id desc limit 1) last on true
    where (${ids}::bigint[] is null or a.id = any(${ids}))
      and (${satellite}::satellite is null or a.satellite = ${satellite})
      and (${tile}::text is null or a.tile = ${tile})
      and (${name}::text is null or a.product_uri in (${name}, ${name} || '.SAFE'))
      and (${from}::date is null or a.sensed_at >= ${from}::date::timestamp at time zone 'UTC')
      and (${to}::date is null or a.sensed_at < (${to}::date + 1)::timestamp at time zone 'UTC')
      and (${siteId}::bigint is null or exists (
        select from site_reach r join site_tile t on t.site_id = r.member_id
        where r.site_id = ${siteId}
          and t.satellite = a.satellite and t.tile = a.tile and t.enabled))
    order by a.sensed_at nulls last, a.tile, a.id limit ${limit}`.execute(db)
  return rows
}
