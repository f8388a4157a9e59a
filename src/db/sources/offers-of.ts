import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

/** One source's offer of an acquisition, for people. */
export interface OfferRow {
  readonly source: string
  readonly kind: string
  readonly enabled: boolean
  readonly remoteId: string
  readonly bytes: number | null
  readonly refusedCode: string | null
  readonly refused: string | null
  readonly failures: number
  readonly givenUp: boolean
  readonly isBeingFetched: boolean
  readonly fetchStartedAt: Date | null
  /** When the source may be asked for it; past: now. */
  readonly nextTryAt: Date
  /** True where that time has come. */
  readonly isDue: boolean
  readonly errorCode: string | null
  readonly error: string | null
  /** The last look at the source failed so. */
  readonly sourceErrorCode: string | null
  readonly sourceError: string | null
}

/** Offers of an acquisition, in the order in which they are tried. */
export async function offersOf(db: Queryable, acquisitionId: number): Promise<readonly OfferRow[]> {
  const { rows } = await sql<OfferRow>`
    select s.name as source, s.kind, s.enabled, o.remote_id as "remoteId", o.bytes, o.refused_code as "refusedCode", o.refused, o.failures,
      o.given_up as "givenUp", o.fetch_attempt is not null as "isBeingFetched", o.fetch_started_at as "fetchStartedAt",
      greatest(o.next_try_at, s.next_run_at) as "nextTryAt", greatest(o.next_try_at, s.next_run_at) <= now() as "isDue",
      o.error_code as "errorCode", o.error, s.error_code as "sourceErrorCode", s.error as "sourceError"
    from source_offer o join source s on s.id = o.source_id where o.acquisition_id = ${acquisitionId}
    order by s.place, s.id, o.id`.execute(db)
  return rows
}
