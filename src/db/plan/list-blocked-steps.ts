import { sql } from 'kysely'
import type { ReadyStep } from '../steps/list-ready-steps.js'
import type { Queryable } from '../steps/queryable.js'

/** Steps of an executor that wait for others, by id, with the last of those that they wait for. */
export async function listBlockedSteps(
  db: Queryable,
  { executor, limit }: { readonly executor: string; readonly limit: number },
): Promise<(ReadyStep & { readonly behind: number | null })[]> {
  const { rows } = await sql<ReadyStep & { readonly behind: number | null }>`
    select step.id, step.job_id as "jobId", step.processor, step.site_id as "siteId", step.memory_mb as "memoryMb", step.memory_floor_mb as "memoryFloorMb",
      step.scratch_mb as "diskMb", step.io_weight::float8 as "ioWeight", step.size_class as "sizeClass", task.tile, step.priority, 0::float8 as "waitedS",
      (select max(p.id) from step_dependency d join step p on p.id = d.predecessor_id
       where d.step_id = step.id and p.state in ('blocked', 'ready', 'running')) as behind
    from step join job on job.id = step.job_id join task on task.job_id = step.job_id and task.id = step.task_id
    where step.state = 'blocked' and step.executor = ${executor} and job.state = 'active' order by step.id limit ${limit}`.execute(
    db,
  )
  return rows
}
