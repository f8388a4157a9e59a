import { sql } from 'kysely'
import { pausedSites } from './paused-sites.js'
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

/** The state of the queue of one executor, for the loop's end and for `tilth status`. */
export async function queueSummary(db: Queryable, { executor }: { executor: string }): Promise<QueueSummary> {
  const { rows: states } = await sql<{ state: string; n: number }>`
    select state::text as state, count(*)::int as n from step where executor = ${executor} group by state`.execute(
    db,
  )
  const { rows } = await sql<Omit<QueueSummary, 'counts'>>`
    select count(*) filter (where step.state = 'running' or (step.state in ('ready', 'blocked') and not job.paused
        and (step.site_id is null or step.site_id not in ${pausedSites})))::int as open,
      (extract(epoch from min(step.ready_at) filter (where step.state = 'ready' and step.ready_at > now()) - now()))::float8 as "nextReadyS",
      (avg((step.resources ->> 'wall_s')::float8) filter (where step.state = 'succeeded' and step.ended_at > now() - interval '1 hour'))::float8 as "meanWallS",
      coalesce(sum(step.progress) filter (where step.state = 'running'), 0)::float8 as "runningProgress"
    from step join job on job.id = step.job_id
    where step.executor = ${executor} and (job.state = 'active' or job.ended_at > now() - interval '1 hour')`.execute(
    db,
  )
  const totals = rows[0] ?? { open: 0, nextReadyS: null, meanWallS: null, runningProgress: 0 }
  return { counts: Object.fromEntries(states.map(({ state, n }) => [state, n])), ...totals }
}
