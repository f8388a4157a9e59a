import { sql } from 'kysely'
import type { Queryable } from './queryable.js'

/** What a node of the tree satellite/site/sub-site/tile was given. */
export interface ShareRow {
  readonly path: string
  readonly virtualS: number
  /** Ms since 1970 by the database's clock. */
  readonly activeAt: number
}

/** Every node that had work in the last day, and the time now by the same clock, ms. */
export async function readShares(db: Queryable): Promise<{ now: number; shares: ShareRow[] }> {
  const { rows } = await sql<{ now: number; shares: ShareRow[] }>`
    select (extract(epoch from now()) * 1000)::float8 as now, coalesce(json_agg(json_build_object('path', path, 'virtualS', virtual_s,
      'activeAt', extract(epoch from active_at) * 1000)) filter (where active_at > now() - interval '1 day'), '[]') as shares from fair_share`.execute(
    db,
  )
  return rows[0] ?? { now: 0, shares: [] }
}

/** What a scheduler adds: `entryS`, where the node entered the order, and `givenS`, what it was given since, both divided by its weight. */
export interface ShareChange {
  readonly path: string
  readonly entryS: number
  readonly givenS: number
}

/** Adds up what several schedulers give, in one transaction; a node that enters later than it stood is lifted. Nodes without work for a day go. */
export async function addShares(db: Queryable, changes: readonly ShareChange[]): Promise<void> {
  if (changes.length === 0) return
  // In one order, so that two schedulers do not wait for each other.
  const rows = JSON.stringify([...changes].sort((a, b) => (a.path < b.path ? -1 : 1)))
  const given = sql`jsonb_to_recordset(${rows}::jsonb) as c(path text, "entryS" float8, "givenS" float8)`
  await db.transaction().execute(async (trx) => {
    await sql`
      insert into fair_share (path, virtual_s, active_at) select path, "entryS", now() from ${given}
      on conflict (path) do update set virtual_s = greatest(fair_share.virtual_s, excluded.virtual_s), active_at = now()`.execute(
      trx,
    )
    await sql`
      update fair_share set virtual_s = virtual_s + c."givenS" from ${given} where fair_share.path = c.path`.execute(
      trx,
    )
  })
  await sql`delete from fair_share where active_at < now() - interval '1 day'`.execute(db)
}
