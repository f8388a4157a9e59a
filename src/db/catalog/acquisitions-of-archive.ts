import { sql } from 'kysely'
import type { AcquisitionState } from '../../domain/states.js'
import type { Database } from '../connect.js'
import type { Queryable } from '../steps/queryable.js'

export interface ArchivedAcquisition {
  readonly identity: string
  /** Of a readable one. */
  readonly tile: string | null
  readonly sensedAt: string | null
  readonly state: AcquisitionState
  readonly location: string
  readonly sourcePath: string
  /** Why it is ignored; null for a readable one. */
  readonly reason: string | null
  /** How many acquisitions the archive held, broken ones counted. */
  readonly members: number
}

/** Acquisitions that came from this very archive (same path, size and time of change) and are readable, or ignored for their level. */
export async function findByArchive(
  db: Queryable,
  { path, bytes, mtimeMs }: { readonly path: string; readonly bytes: number; readonly mtimeMs: number },
): Promise<readonly ArchivedAcquisition[]> {
  const { rows } = await sql<ArchivedAcquisition>`
    select a.identity, a.tile, to_json(a.sensed_at at time zone 'UTC') #>> '{}' || 'Z' as "sensedAt", a.state, a.location,
      a.metadata ->> 'sourcePath' as "sourcePath", case when a.state = 'ignored' then a.reason end as reason, (a.metadata #>> '{archive,members}')::int as members
    from acquisition a
    where a.metadata #>> '{archive,path}' = ${path} and (a.state in ('present', 'superseded') or a.state = 'ignored' and a.reason_code = 'LEVEL_NOT_CORRECTED')
      and (a.metadata #>> '{archive,bytes}')::bigint = ${bytes} and (a.metadata #>> '{archive,mtimeMs}')::bigint = ${mtimeMs}
    order by a.sensed_at, a.tile, a.id`.execute(db)
  return rows
}

/**
 * Runs work while no other process does the same for this archive. The lock belongs to one connection and ends with it: a process that
 * dies keeps nobody waiting.
 */
export async function withArchiveLock<T>(db: Database, path: string, work: () => Promise<T>): Promise<T> {
  return db.connection().execute(async (connection) => {
    await sql`select pg_advisory_lock(hashtextextended(${path}, 724007))`.execute(connection)
    try {
      return await work()
    } finally {
      await sql`select pg_advisory_unlock(hashtextextended(${path}, 724007))`.execute(connection)
    }
  })
}
