import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'
import { slotsOfNode } from './slots-of-node.js'

export interface EndedJob {
  readonly id: number
  /** When it ended; another time after a retry. */
  readonly endedAt: Date
  /** Slots of the nodes that its steps ran on, see `slotsOfNode`. */
  readonly slots: number
  /** CPU seconds of attempts that failed, as far as they were measured. */
  readonly lostCpuS: number
}

/** Of the jobs of these steps, those that have ended, by id. */
export async function listEndedJobs(db: Queryable, stepIds: readonly number[]): Promise<readonly EndedJob[]> {
  if (stepIds.length === 0) return []
  const { rows } = await sql<EndedJob>`
    select job.id, job.ended_at as "endedAt", coalesce((
      select sum(of_node.slots) from (
        select max(${slotsOfNode('s')}) as slots from step s
        where s.job_id = job.id and s.node is not null group by s.node) of_node), 0)::float8 as slots,
      coalesce((
        select sum((e.detail -> 'resources' ->> 'cpu_s')::float8) from step s join step_event e on e.step_id = s.id
        where s.job_id = job.id and e.kind = 'failed'), 0)::float8 as "lostCpuS"
    from job where job.state <> 'active' and job.id in (select job_id from step where id = any(${stepIds}::bigint[]))
    order by job.id`.execute(db)
  return rows
}
