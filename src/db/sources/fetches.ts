import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'
import { settleOffered } from './settle-offered.js'

/** An acquisition that is being fetched, from one offer of it. */
export interface FetchClaim {
  readonly acquisitionId: number
  /** The fence: each later write of this fetch names it. */
  readonly attempt: number
  readonly offerId: number
  readonly sourceId: number
  readonly remoteId: string
  readonly product: string
  readonly platform: string | null
  readonly tile: string | null
  /** ISO 8601 UTC. */
  readonly sensedAt: string | null
  readonly bytes: number | null
  readonly details: unknown
  readonly digest: string
  readonly failures: number
}

export interface ClaimFetchOptions {
  /** Those that take another download now. */
  readonly sources: readonly number[]
  /** The one to be served first comes first. */
  readonly satellites: readonly ('s2' | 'landsat')[]
  /** Acquisitions to pass by. */
  readonly held: readonly number[]
}

/**
 * Takes the next acquisition that may be fetched: of the first satellite that has one, the oldest sensing; from the first of the sources in their
 * order whose offer is due. Null when there is none. Stops at the first that fits: the length of the list does not count.
 */
export async function claimFetch(
  tx: Queryable,
  { sources, satellites, held }: ClaimFetchOptions,
): Promise<FetchClaim | null> {
  const { rows } = await sql<FetchClaim>`
    with next as (
      select found.id, found.offer from unnest(${satellites}::satellite[]) with ordinality as wanted(satellite, rank)
      cross join lateral (
        select a.id, o.id as offer from acquisition a
        join lateral (
          select o.id from source_offer o join source s on s.id = o.source_id
          where o.acquisition_id = a.id and o.refused_code is null and not o.given_up and o.next_try_at <= now() and s.id = any(${sources}::bigint[])
            and not exists (select from site left join site parent on parent.id = site.parent_id where site.id = s.site_id and (site.paused or parent.paused))
          order by s.place, s.id, o.id limit 1) o on true
        where a.state = 'found' and a.satellite = wanted.satellite and a.id <> all (${held}::bigint[])
        order by a.sensed_at, a.id limit 1 for update of a skip locked) found
      order by wanted.rank limit 1),
    taken as (
      update acquisition a set state = 'fetching', fetch_attempt = a.fetch_attempt + 1, reason_code = null, reason = null, updated_at = now()
      from next where a.id = next.id
      returning a.id, a.fetch_attempt, a.product_uri, a.platform, a.tile, to_json(a.sensed_at at time zone 'UTC') #>> '{}' || 'Z' as sensed, next.offer)
    update source_offer o set fetch_attempt = taken.fetch_attempt, fetch_started_at = now() from taken where o.id = taken.offer
    returning taken.id as "acquisitionId", taken.fetch_attempt as attempt, o.id as "offerId", o.source_id as "sourceId", o.remote_id as "remoteId",
      taken.product_uri as product, taken.platform, taken.tile, taken.sensed as "sensedAt", o.bytes, o.details, o.digest, o.failures`.execute(
    tx,
  )
  return rows[0] ?? null
}

/** How a fetch failed. */
export interface FetchFailure {
  /** Null: it was only broken off. */
  readonly code: string | null
  readonly message: string | null
  /** Whether it counts towards giving the offer up. */
  readonly counts: boolean
  readonly giveUp: boolean
  readonly waitSeconds: number
}

/** Ends a fetch without a product; false where another attempt has taken over. */
export async function failFetch(
  tx: Queryable,
  { acquisitionId, attempt, offerId }: Pick<FetchClaim, 'acquisitionId' | 'attempt' | 'offerId'>,
  failure: FetchFailure,
): Promise<boolean> {
  const { rows } = await sql<{ id: number }>`
    update acquisition set state = 'found', updated_at = now() where id = ${acquisitionId} and state = 'fetching' and fetch_attempt = ${attempt} returning id`.execute(
    tx,
  )
  if (rows.length === 0) return false
  await sql`
    update source_offer set fetch_attempt = null, fetch_started_at = null, failures = failures + ${failure.counts ? 1 : 0}, given_up = ${failure.giveUp},
      next_try_at = now() + make_interval(secs => ${failure.waitSeconds}), error_code = coalesce(${failure.code}, error_code), error = coalesce(${failure.message}, error)
    where id = ${offerId}`.execute(tx)
  await settleOffered(tx, [acquisitionId])
  return true
}

/** Ends a fetch whose product was recorded: `acquisitionId` is the row that it is recorded as. */
export async function endFetch(
  tx: Queryable,
  {
    acquisitionId,
    offerId,
    bytes,
  }: { readonly acquisitionId: number; readonly offerId: number; readonly bytes: number },
): Promise<void> {
  await sql`
    update source_offer set fetch_attempt = null, fetch_started_at = null, failures = 0, given_up = false, error_code = null, error = null, acquisition_id = ${acquisitionId}
    where id = ${offerId}`.execute(tx)
  await sql`update acquisition set fetched_bytes = ${bytes} where id = ${acquisitionId}`.execute(tx)
}

/** Gives back what was being fetched when its process died. Only for the one who may fetch at all. Returns how many. */
export async function releaseFetches(tx: Queryable): Promise<number> {
  await sql`update source_offer set fetch_attempt = null, fetch_started_at = null where fetch_attempt is not null`.execute(
    tx,
  )
  const { rows } = await sql<{ id: number }>`
    update acquisition a set state = 'found', updated_at = now() where a.state = 'fetching' returning id`.execute(
    tx,
  )
  await settleOffered(
    tx,
    rows.map(({ id }) => id),
  )
  return rows.length
}

/** Makes every offer that was given up, or waits after a failure, due now; of one source or of all. Returns how many. */
export async function reopenOffers(tx: Queryable, sourceId: number | null): Promise<number> {
  const { rows } = await sql<{ id: number | null }>`
    update source_offer set given_up = false, failures = 0, next_try_at = now()
    where (given_up or failures > 0 or next_try_at > now()) and (${sourceId}::bigint is null or source_id = ${sourceId}) returning acquisition_id as id`.execute(
    tx,
  )
  await settleOffered(
    tx,
    rows.flatMap(({ id }) => id ?? []),
  )
  return rows.length
}

/** Acquisitions that are found or being fetched, of these. */
export async function onTheirWay(db: Queryable, ids: readonly number[]): Promise<readonly number[]> {
  const { rows } = await sql<{ id: number }>`
    select id from acquisition where id = any(${ids}::bigint[]) and state in ('found', 'fetching')`.execute(
    db,
  )
  return rows.map(({ id }) => id)
}

/** What may be fetched. */
export interface Backlog {
  /** Acquisitions that wait for a fetch, now or later. */
  readonly waiting: number
  /** Of these, those that some source may be asked for now. */
  readonly due: number
}

/** Whether some acquisition may be fetched now. */
export async function isFetchDue(db: Queryable): Promise<boolean> {
  const { rows } = await sql<{ due: boolean }>`
    select exists (select from source where enabled and next_run_at <= now() and kind <> 'folder')
      and exists (
        select from acquisition a join source_offer o on o.acquisition_id = a.id join source s on s.id = o.source_id
        where a.state = 'found' and o.refused_code is null and not o.given_up and o.next_try_at <= now() and s.enabled and s.next_run_at <= now()) as due`.execute(
    db,
  )
  return rows[0]?.due ?? false
}

export async function readBacklog(db: Queryable): Promise<Backlog> {
  const { rows } = await sql<Backlog>`
    select count(*)::int as waiting, count(*) filter (where is_due)::int as due from (
      select bool_or(o.next_try_at <= now() and s.next_run_at <= now()) as is_due
      from acquisition a join source_offer o on o.acquisition_id = a.id join source s on s.id = o.source_id
      where a.state in ('found', 'fetching') and o.refused_code is null and not o.given_up and s.enabled group by a.id) as open`.execute(
    db,
  )
  return rows[0] ?? { waiting: 0, due: 0 }
}

/**
 * Makes an awaited acquisition the one with this identity, in the transaction that records its product: the row keeps its number. Where the
 * identity has a row already, from an ingest by hand, the offers move to that row and the awaited one goes. Returns the number of the row.
 */
export async function adoptAwaited(tx: Queryable, awaited: number, identity: string): Promise<number> {
  const { rows } = await sql<{ id: number }>`
    select id from acquisition where identity = ${identity} and id <> ${awaited}`.execute(tx)
  const [other] = rows
  if (other === undefined) {
    await sql`update acquisition set identity = ${identity} where id = ${awaited}`.execute(tx)
    return awaited
  }
  await sql`update source_offer set acquisition_id = ${other.id} where acquisition_id = ${awaited}`.execute(
    tx,
  )
  await sql`delete from acquisition where id = ${awaited} and starts_with(identity, 'offer:')`.execute(tx)
  return other.id
}
