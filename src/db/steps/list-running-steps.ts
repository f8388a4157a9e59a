import { sql } from 'kysely'
import type { Queryable } from './queryable.js'

export interface RunningRow {
  readonly id: number
  readonly attempt: number
  readonly processor: string
  readonly siteId: number | null
  readonly memoryMb: number
  readonly threads: number
  readonly node: string | null
  readonly pid: number | null
  readonly cancelRequested: boolean
}

/** Running steps of an executor, in the order in which they started. */
export async function listRunningSteps(
  db: Queryable,
  { executor }: { executor: string },
): Promise<RunningRow[]> {
  const { rows } = await sql<RunningRow>`
    select id::float8 as id, attempt, processor, site_id::float8 as "siteId", memory_mb as "memoryMb",
      coalesce(threads, 1) as threads, node, pid, cancel_requested as "cancelRequested"
    from step where state = 'running' and executor = ${executor} order by started_at, id`.execute(db)
  return rows
}
