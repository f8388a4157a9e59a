import { sql } from 'kysely'
import type { Database } from './connect.js'

/**
 * Runs work that only one process of the whole database may do at a time; undefined, and nothing done, while another one does it.
 * The lock belongs to a connection of its own: it ends with the process, kill -9 included.
 */
export async function withSessionLock<T>(
  db: Database,
  name: string,
  work: () => Promise<T>,
): Promise<T | undefined> {
  return db.connection().execute(async (connection) => {
    const { rows } = await sql<{
      got: boolean
    }>`select pg_try_advisory_lock(hashtext(${name})) as got`.execute(connection)
    if (rows[0]?.got !== true) return undefined
    try {
      return await work()
    } finally {
      await sql`select pg_advisory_unlock(hashtext(${name}))`.execute(connection)
    }
  })
}
