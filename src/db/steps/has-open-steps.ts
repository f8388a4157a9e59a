import { sql } from 'kysely'
import { pausedSites } from './paused-sites.js'
import type { Queryable } from './queryable.js'

/**
 * Whether some step of an executor will go on without anyone's help: running, or ready or blocked and not paused, or ended with
 * its consequences not drawn yet. Looks at one step of each active job, newest steps first.
 */
export async function hasOpenSteps(db: Queryable, { executor }: { executor: string }): Promise<boolean> {
  const { rows } = await sql<{ isOpen: boolean }>`
    select exists (select from step_ended) or exists (select from step where state = 'running' and executor = ${executor})
      or exists (
        select from job cross join lateral (
          select step.id from step
          where step.job_id = job.id and step.state in ('ready', 'blocked') and step.executor = ${executor}
            and (step.site_id is null or step.site_id not in ${pausedSites})
          order by step.job_id desc, step.task_id desc, step.id desc limit 1) as open
        where job.state = 'active' and not job.paused) as "isOpen"`.execute(db)
  return rows[0]?.isOpen ?? false
}
