import { sql } from 'kysely'
import type { JobState } from '../../domain/states.js'
import type { Queryable } from '../steps/queryable.js'

export interface JobRow {
  readonly id: number
  readonly processor: string
  readonly site: string | null
  readonly state: JobState
  readonly paused: boolean
  readonly priority: number
  readonly created_at: Date
  readonly ended_at: Date | null
  readonly created_by: string
  readonly params: unknown
  /** Steps by state. */
  readonly steps: Readonly<Record<string, number>>
}

/** Jobs, newest first. */
export async function listJobs(
  db: Queryable,
  {
    id = null,
    state = null,
    site = null,
    limit,
  }: { id?: number | null; state?: string | null; site?: string | null; limit: number },
): Promise<JobRow[]> {
  const { rows } = await sql<JobRow>`
    select job.id, job.processor, site.slug as site, job.state::text as state, job.paused, job.priority, job.created_at, job.ended_at,
      job.created_by, job.params,
      coalesce((select jsonb_object_agg(state, n) from (
        select state::text as state, count(*) as n from step where step.job_id = job.id group by state) as counted), '{}') as steps
    from job left join site on site.id = job.site_id
    where (${id}::bigint is null or job.id = ${id}) and (${state}::text is null or job.state::text = ${state})
      and (${site}::text is null or site.slug = ${site})
    order by job.id desc limit ${limit}`.execute(db)
  return rows
}
