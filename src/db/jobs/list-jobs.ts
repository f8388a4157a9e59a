import { sql } from 'kysely'
import type { JobState } from '../../domain/states.js'
import type { Queryable } from '../steps/queryable.js'

export interface JobRow {
  readonly id: number
  readonly processor: string
  readonly site: string | null
  readonly state: JobState
  readonly paused: boolean
  /** The season for which it was asked. */
  readonly season: string | null
  readonly season_paused: boolean
  readonly priority: number
  readonly created_at: Date
  readonly ended_at: Date | null
  /** By which it should be done; null: whenever. */
  readonly deadline_at: Date | null
  readonly created_by: string
  readonly params: unknown
  /** Steps by state. */
  readonly steps: Readonly<Record<string, number>>
  /** Seconds from the first claim to the last end, or until now; null before the first claim. */
  readonly wall_s: number | null
  /** CPU seconds of the attempts that counted. */
  readonly cpu_s: number
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
    select job.id, job.processor, site.slug as site, job.state::text as state, job.paused, season.name as season,
      coalesce(season.paused, false) as season_paused, job.priority, job.created_at, job.ended_at, job.deadline_at,
      job.created_by, job.params,
      coalesce((select jsonb_object_agg(state, n) from (
        select state::text as state, count(*) as n from step where step.job_id = job.id group by state) as counted), '{}') as steps,
      extract(epoch from case when job.state = 'active' then now() else ran.ended_at end - ran.started_at)::float8 as wall_s, ran.cpu_s
    from job left join site on site.id = job.site_id left join season on season.id = job.season_id
      cross join lateral (
        select max(s.ended_at) as ended_at,
          -- A step's row knows its last claim only: the first ones of those that were tried again are in the events.
          least(min(s.started_at), (
            select min(e.at) from step again join step_event e on e.step_id = again.id and e.kind = 'claimed'
            where again.job_id = job.id and again.attempt > 1)) as started_at,
          coalesce(sum((s.resources ->> 'cpu_s')::float8) filter (where s.state = 'succeeded'), 0)::float8 as cpu_s
        from step s where s.job_id = job.id) as ran
    where (${id}::bigint is null or job.id = ${id}) and (${state}::text is null or job.state::text = ${state})
      and (${site}::text is null or site.slug = ${site})
    order by job.id desc limit ${limit}`.execute(db)
  return rows
}
