import { prepared } from '../prepared.js'
import type { ClaimKey, Queryable } from './queryable.js'

const list = prepared<ClaimKey & { expiredS: number }>(
  'list_expired',
  `select id::float8 as id, attempt, extract(epoch from now() - lease_expires_at)::float8 as "expiredS"
   from step where state = 'running' and lease_expires_at < now() order by lease_expires_at limit 1000`,
)

/** Running claims of all executors whose lease has run out, with how long ago, seconds, by the clock of the database. */
export async function listExpired(db: Queryable): Promise<(ClaimKey & { expiredS: number })[]> {
  return list(db)
}
