import type pg from 'pg'
import { quote } from './dump-database.js'
import { listTableShapes } from './table-shapes.js'

/** Tables that hold what migrations bring, and what a program writes about itself and its host on first use: rows in them make no database worth keeping. */
const OWN = ['default_schedule', 'migrated_for', 'node', 'node_scheduler', 'storage_root']

/** Rows of each table, counted up to a million; `isOwn` says that they are of the kind above. */
export async function countRows(pool: pg.Pool): Promise<{ table: string; rows: number; isOwn: boolean }[]> {
  const client = await pool.connect()
  try {
    const counted: { table: string; rows: number; isOwn: boolean }[] = []
    for (const { name } of await listTableShapes(client)) {
      const { rows } = await client.query<{ n: number }>(
        `select count(*)::int as n from (select from ${quote(client, name)} limit 1000000) as counted`,
      )
      counted.push({ table: name, rows: rows[0]?.n ?? 0, isOwn: OWN.includes(name) })
    }
    return counted
  } finally {
    client.release()
  }
}
