import { sql } from 'kysely'
import type { Queryable } from './queryable.js'

/** What is open of an active job that has a deadline. */
export interface OpenDeadline {
  readonly jobId: number
  /** Seconds until then by the database's clock; negative: it has passed. */
  readonly inS: number
  /** By kind; `steps` less the progress of those that run. */
  readonly open: readonly {
    readonly processor: string
    readonly sizeClass: string | null
    readonly steps: number
  }[]
  /** How many of them may have to run one after the other: 1, and those of one tile that wait for others. */
  readonly depth: number
}

/** Of all jobs, or of one. Paused ones too. */
export async function readDeadlines(db: Queryable, jobId: number | null = null): Promise<OpenDeadline[]> {
  const { rows } = await sql<OpenDeadline>`
    select job.id as "jobId", extract(epoch from job.deadline_at - now())::float8 as "inS", coalesce(work.open, '[]') as open,
      1 + coalesce((select max(n) from (
        select count(*)::int as n from step join task on task.job_id = step.job_id and task.id = step.task_id
        where step.job_id = job.id and step.state = 'blocked' group by task.tile) as waiting), 0) as depth
    from job cross join lateral (
      select json_agg(json_build_object('processor', processor, 'sizeClass', size_class, 'steps', steps)) as open from (
        select processor, size_class, count(*) - sum(case when state = 'running' then progress else 0 end) as steps
        from step where step.job_id = job.id and state in ('blocked', 'ready', 'running') group by processor, size_class) as kinds) as work
    where job.state = 'active' and job.deadline_at is not null and (${jobId}::bigint is null or job.id = ${jobId})
    order by job.id`.execute(db)
  return rows
}
