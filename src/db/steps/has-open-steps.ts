import { sql } from 'kysely'
import { pausedSites } from './paused-sites.js'
import type { Queryable } from './queryable.js'

/** Of a job that goes on. */
const GOES_ON = sql`job.state = 'active' and not job.paused
  and not exists (select from season where season.id = job.season_id and season.paused)`
/** Of a step beside its job's. */
const UNPAUSED = sql`not step.paused and (step.site_id is null or step.site_id not in ${pausedSites})`

/**
 * Whether some step of an executor will go on without anyone's help: running, or ready and not paused, or ended with its consequences not drawn
 * yet; or blocked and not paused, while steps of whatever executor run or are ready: else it waits for one that is paused. Looks along the index of
 * what is ready, and at the newest blocked step of each active job.
 */
export async function hasOpenSteps(db: Queryable, { executor }: { executor: string }): Promise<boolean> {
  const { rows } = await sql<{ isOpen: boolean }>`
    select exists (select from step_ended) or exists (select from step where state = 'running' and executor = ${executor})
      or exists (
        select from step join job on job.id = step.job_id
        where step.state = 'ready' and step.executor = ${executor} and ${UNPAUSED} and ${GOES_ON})
      or (
        (exists (select from step where state = 'running')
          or exists (select from step join job on job.id = step.job_id where step.state = 'ready' and ${UNPAUSED} and ${GOES_ON}))
        and exists (
          select from job cross join lateral (
            select step.id from step
            where step.job_id = job.id and step.state = 'blocked' and step.executor = ${executor} and ${UNPAUSED}
            order by step.job_id desc, step.task_id desc, step.id desc limit 1) as open
          where ${GOES_ON})) as "isOpen"`.execute(db)
  return rows[0]?.isOpen ?? false
}
