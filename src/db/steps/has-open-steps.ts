import { sql } from 'kysely'
import { isPaused } from './paused-sites.js'
import type { Queryable } from './queryable.js'

/**
 * Whether some step of an executor will go on without anyone's help: running, or ready and not paused, or ended with its consequences not drawn
 * yet; or blocked and not paused, while steps of whatever executor run or are ready, or as a date of a chain, which `freeChains` lets go: else it waits for
 * one that is paused. Looks along the index of what is ready, and at the newest blocked step of each active job.
 */
export async function hasOpenSteps(db: Queryable, { executor }: { executor: string }): Promise<boolean> {
  const ready = sql`
    select from step join job on job.id = step.job_id
    where step.state = 'ready' and not step.paused and job.state = 'active' and not ${isPaused('step', 'job')}`
  const { rows } = await sql<{ isOpen: boolean }>`
    select exists (select from step_ended) or exists (select from step where state = 'running' and executor = ${executor})
      or exists (${ready} and step.executor = ${executor})
      or exists (
        select from job cross join lateral (
          select step.id from step
          where step.job_id = job.id and step.state = 'blocked' and step.executor = ${executor} and not ${isPaused('step', 'job')}
          order by step.job_id desc, step.task_id desc, step.id desc limit 1) as newest
        where job.state = 'active' and (
          exists (select from step where state = 'running') or exists (${ready})
          or exists (select from step_dependency d where d.step_id = newest.id and d.end_suffices))) as "isOpen"`.execute(
    db,
  )
  return rows[0]?.isOpen ?? false
}
