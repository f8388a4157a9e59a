import { sql } from 'kysely'
import type { Queryable } from './queryable.js'

/**
 * Runs one round of admission in a transaction of which there is one at a time in the whole database: two schedulers that
 * each see one free place must not both fill it. The lock ends with the transaction, so a scheduler that dies holds nothing.
 */
export async function withAdmissionLock<T>(db: Queryable, work: (trx: Queryable) => Promise<T>): Promise<T> {
  return db.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(hashtext('tilth admission'))`.execute(trx)
    return work(trx)
  })
}
