import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

/** Connections that the server accepts from programs like this one, and how many it has now. */
export async function readConnectionLimit(db: Queryable): Promise<{ most: number; now: number }> {
  const { rows } = await sql<{ most: number; now: number }>`
    select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as most,
      (select count(*) from pg_stat_activity where backend_type = 'client backend')::int as now`.execute(db)
  return rows[0] ?? { most: 0, now: 0 }
}
