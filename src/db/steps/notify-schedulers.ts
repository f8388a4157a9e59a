import { sql } from 'kysely'
import type { Queryable } from './queryable.js'

/** Wakes all schedulers when the transaction commits. For rare changes only: commits that notify wait for each other. */
export async function notifySchedulers(db: Queryable): Promise<void> {
  await sql`select pg_notify('tilth_step', '')`.execute(db)
}
