import { sql } from 'kysely'
import { STEP_STATES } from '../../domain/states.js'
import { isPaused } from './paused-sites.js'
import type { Queryable } from './queryable.js'

export interface QueueSummary {
  /** Steps by state. */
  readonly counts: Readonly<Record<string, number>>
  /** Steps that will go on without anyone's help: running, or ready or blocked and not paused. */
  readonly open: number
  /** Seconds until the next step that waits for its retry is ready; null when none does. */
  readonly nextReadyS: number | null
  /** Wall seconds of succeeded steps of jobs still active or ended within the last hour: mean, for estimates; null when none. */
  readonly meanWallS: number | null
  /** Sum of the progress of running steps, in steps. */
  readonly runningProgress: number
}

/**
 * The state of the queue of one executor, for `tilth status`. Reads the steps of jobs that are active or ended within the last hour, job
 * by job; those of other jobs were counted when their job ended.
 */
export async function queueSummary(db: Queryable, { executor }: { executor: string }): Promise<QueueSummary> {
  const { rows } = await sql<Omit<QueueSummary, 'counts'> & { counts: Readonly<Record<string, number>> }>`
    with looked as materialized (
      select job.state = 'active' as is_active, by_state.*
      from job cross join lateral (
        select step.state, count(*) as n,
          count(*) filter (where step.state = 'running' or (step.state in ('ready', 'blocked') and not ${isPaused('step', 'job')})) as open,
          min(step.ready_at) filter (where step.state = 'ready' and not step.paused and step.ready_at > now()) as next_ready_at,
          sum((step.resources ->> 'wall_s')::float8) filter (where step.state = 'succeeded' and step.ended_at > now() - interval '1 hour') as wall_s,
          count(step.resources ->> 'wall_s') filter (where step.state = 'succeeded' and step.ended_at > now() - interval '1 hour') as measured,
          sum(step.progress) filter (where step.state = 'running') as progress
        from step where step.job_id = job.id and step.executor = ${executor} group by step.state) as by_state
      where job.state = 'active' or job.ended_at > now() - interval '1 hour'),
    counted as (
      select state::text as state, n from looked where is_active
      union all
      select ended.key, ended.value::bigint
      from job cross join lateral jsonb_each_text(job.ended_steps -> ${executor}) as ended where job.state <> 'active')
    select
      (select coalesce(jsonb_object_agg(state, n), '{}') from (select state, sum(n) as n from counted group by state) as summed) as counts,
      coalesce(sum(open), 0)::int as open,
      extract(epoch from min(next_ready_at) - now())::float8 as "nextReadyS",
      (sum(wall_s) / nullif(sum(measured), 0))::float8 as "meanWallS",
      coalesce(sum(progress), 0)::float8 as "runningProgress"
    from looked`.execute(db)
  const { counts, ...totals } = rows[0] ?? {
    ...{ counts: {}, open: 0, nextReadyS: null, meanWallS: null, runningProgress: 0 },
  }
  const inOrder = STEP_STATES.flatMap((state): [string, number][] =>
    counts[state] === undefined ? [] : [[state, counts[state]]],
  )
  return { counts: Object.fromEntries(inOrder), ...totals }
}
