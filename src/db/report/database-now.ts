import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

/** The database's clock: what events are stamped with. */
export async function databaseNow(db: Queryable): Promise<Date> {
  const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(db)
  const [row] = rows
  if (row === undefined) throw new RangeError('Postgres told no time.')
  return row.now
}
