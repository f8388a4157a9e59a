import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'
import { settleOffered } from './settle-offered.js'

/** One product that a source has, with the verdict of the filters. */
export interface OfferFields {
  readonly remoteId: string
  /** Name of the product as delivered, without `.SAFE`: what makes it the same in every source. */
  readonly product: string
  readonly platform: string | null
  readonly tile: string | null
  readonly relativeOrbit: number | null
  /** ISO 8601 UTC. */
  readonly sensedAt: string
  readonly cloudPercent: number | null
  readonly bytes: number | null
  readonly details: unknown
  readonly digest: string
  readonly refused: { readonly code: string; readonly reason: string } | null
  /** Offered in a way that cannot be fetched: given up from the start. */
  readonly broken: { readonly code: string; readonly reason: string } | null
}

/**
 * Records offers of one source, each `remoteId` once: an acquisition that no source and no ingest knew yet becomes `found` or `ignored`, a
 * known one gets one more place to come from. An offer that changed since is open again. Returns how many acquisitions are new.
 */
export async function recordOffers(
  tx: Queryable,
  { sourceId, satellite }: { readonly sourceId: number; readonly satellite: 's2' | 'landsat' },
  offers: readonly OfferFields[],
): Promise<number> {
  if (offers.length === 0) return 0
  const flat = offers.map(({ refused, broken, ...o }) => ({
    ...o,
    code: refused?.code,
    reason: refused?.reason,
    brokenCode: broken?.code,
    broken: broken?.reason,
  }))
  const offered = sql`jsonb_to_recordset(${JSON.stringify(flat)}::jsonb) as o("remoteId" text, product text, platform text, tile text, "relativeOrbit" int,
    "sensedAt" timestamptz, "cloudPercent" real, bytes bigint, details jsonb, digest text, code text, reason text, "brokenCode" text, broken text)`
  // The newest row of a product name: a scene that was ingested by hand and one that was found may never have met.
  const known = sql`(
    select a.id from acquisition a where a.satellite = ${satellite} and replace(a.product_uri, '.SAFE', '') = o.product
    order by a.state in ('present', 'superseded') desc, a.id limit 1)`
  const before = sql`left join source_offer had on had.source_id = ${sourceId} and had.remote_id = o."remoteId"`
  const { rows: made } = await sql<{ id: number }>`
    insert into acquisition (identity, satellite, platform, tile, relative_orbit, sensed_at, product_uri, location, state, reason_code, reason, cloud_percent)
    select distinct on (o.product) 'offer:' || ${satellite}::text || ':' || o.product, ${satellite}::satellite, o.platform, o.tile, o."relativeOrbit", o."sensedAt", o.product,
      'source:' || o.product, case when o.code is null then 'found' else 'ignored' end::acquisition_state, o.code, o.reason, o."cloudPercent"
    from ${offered} ${before}
    where had.acquisition_id is null and ${known} is null
    order by o.product, o."remoteId"
    on conflict (identity) do nothing returning id`.execute(tx)
  // In the order of the unique key, so that two that record the same never wait for each other in a circle.
  const { rows: touched } = await sql<{ id: number }>`
    insert into source_offer (source_id, remote_id, acquisition_id, details, digest, bytes, refused_code, refused, given_up, error_code, error)
    select ${sourceId}::bigint, o."remoteId", coalesce(had.acquisition_id, ${known}), o.details, o.digest, o.bytes, o.code, o.reason, o."brokenCode" is not null, o."brokenCode", o.broken
    from ${offered} ${before} order by o."remoteId"
    on conflict (source_id, remote_id) do update set details = excluded.details, digest = excluded.digest, bytes = excluded.bytes,
      refused_code = excluded.refused_code, refused = excluded.refused,
      failures = case when source_offer.digest = excluded.digest then source_offer.failures else 0 end,
      given_up = excluded.given_up or source_offer.given_up and source_offer.digest = excluded.digest,
      error_code = coalesce(excluded.error_code, source_offer.error_code), error = coalesce(excluded.error, source_offer.error),
      next_try_at = case when source_offer.digest = excluded.digest then source_offer.next_try_at else now() end,
      seen_at = now()
    where (source_offer.details, source_offer.digest, source_offer.refused_code, source_offer.refused) is distinct from (excluded.details, excluded.digest, excluded.refused_code, excluded.refused)
    returning acquisition_id as id`.execute(tx)
  await settleOffered(
    tx,
    touched.map(({ id }) => id),
  )
  return made.length
}
