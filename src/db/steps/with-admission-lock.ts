import { sql } from 'kysely'
import type { Queryable } from './queryable.js'

/** How long a scheduler may hold the lock without a word to the server, ms. */
const SILENCE_MS = 10_000

/**
 * Runs one round of admission in a transaction of which there is one at a time in the whole database: two schedulers that
 * each see one free place must not both fill it. The lock ends with the transaction, so a scheduler that dies holds nothing; one that
 * is stopped, or whose host is cut off, in the midst of a round is thrown out by the server (25P03, see `isDatabaseAway`), or all others would wait for it.
 * Its statements are prepared: none is planned anew.
 */
export async function withAdmissionLock<T>(
  db: Queryable,
  work: (trx: Queryable) => Promise<T>,
  silenceMs = SILENCE_MS,
): Promise<T> {
  return db.transaction().execute(async (trx) => {
    await sql`
      select set_config('idle_in_transaction_session_timeout', ${String(silenceMs)}, true),
        set_config('plan_cache_mode', 'force_generic_plan', true),
        pg_advisory_xact_lock(hashtext('tilth admission'))`.execute(trx)
    return work(trx)
  })
}
