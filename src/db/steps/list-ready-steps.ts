import { sql } from 'kysely'
import { pausedSites } from './paused-sites.js'
import type { Queryable } from './queryable.js'

export interface ReadyStep {
  readonly id: number
  readonly processor: string
  readonly siteId: number | null
  readonly memoryMb: number
}

/**
 * Steps that may start now, in the order in which they are claimed: lowest `priority`, then oldest `ready_at`, then `id`.
 * Leaves out what is paused by its job or site. Takes no lock: `claimReadySteps` looks again.
 */
export async function listReadySteps(
  db: Queryable,
  { executor, limit }: { executor: string; limit: number },
): Promise<ReadyStep[]> {
  const { rows } = await sql<ReadyStep>`
    select step.id::float8 as id, step.processor, step.site_id::float8 as "siteId", step.memory_mb as "memoryMb"
    from step join job on job.id = step.job_id
    where step.state = 'ready' and step.executor = ${executor} and step.ready_at <= now()
      and not job.paused and (step.site_id is null or step.site_id not in ${pausedSites})
    order by step.priority, step.ready_at, step.id
    limit ${limit}`.execute(db)
  return rows
}
