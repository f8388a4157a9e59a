import { prepared } from '../prepared.js'
import type { Queryable } from './queryable.js'

export interface ReadyStep {
  readonly id: number
  readonly jobId: number
  readonly processor: string
  readonly siteId: number | null
  /** Declared, before anything was learned. */
  readonly memoryMb: number
  /** Raised after memory had run out; 0: never. */
  readonly memoryFloorMb: number
  readonly diskMb: number
  readonly ioWeight: number
  /** Null: nothing is learned from it. */
  readonly sizeClass: string | null
  /** Of its task; null where it is about none. */
  readonly tile: string | null
  /** Lower first. */
  readonly priority: number
  /** Since it became ready, s. */
  readonly waitedS: number
}

const list = prepared<ReadyStep>(
  'list_ready_steps',
  `with recursive paused_site as (
     select id from site where paused
     union
     select child.id from site child join paused_site on child.parent_id = paused_site.id),
   -- One row for each group that has ready steps, found by jumps in step_claim_idx, whatever the depth of the groups. Backwards: a group is worked
   -- off from its head, where the entries of what was claimed stay until the next vacuum; its tail is alive.
   kind as (
     (select processor, coalesce(site_id, 0) as site, job_id from step
      where state = 'ready' and not paused and executor = $1 order by processor desc, coalesce(site_id, 0) desc, job_id desc limit 1)
     union all
     select next.processor, next.site, next.job_id from kind cross join lateral (
       select step.processor, coalesce(step.site_id, 0) as site, step.job_id from step
       where step.state = 'ready' and not step.paused and step.executor = $1
         and (step.processor, coalesce(step.site_id, 0), step.job_id) < (kind.processor, kind.site, kind.job_id)
       order by step.processor desc, coalesce(step.site_id, 0) desc, step.job_id desc limit 1) as next),
   open_kind as materialized (
     select kind.* from kind join job on job.id = kind.job_id
     where not job.paused and kind.site not in (select id from paused_site)
       and not exists (select from season where season.id = job.season_id and season.paused))
   select head.id, head.job_id as "jobId", head.processor, head.site_id as "siteId", head.memory_mb as "memoryMb",
     head.memory_floor_mb as "memoryFloorMb", head.scratch_mb as "diskMb", head.io_weight::float8 as "ioWeight", head.size_class as "sizeClass",
     task.tile, head.priority, extract(epoch from now() - head.ready_at)::float8 as "waitedS"
   from open_kind cross join lateral (
     select step.id, step.job_id, step.task_id, step.processor, step.site_id, step.memory_mb, step.memory_floor_mb, step.scratch_mb, step.io_weight, step.size_class, step.priority, step.ready_at from step
     where step.state = 'ready' and not step.paused and step.executor = $1 and step.processor = open_kind.processor
       and coalesce(step.site_id, 0) = open_kind.site and step.job_id = open_kind.job_id and step.ready_at <= now()
     order by step.priority, step.ready_at, step.id
     limit greatest(1, $2::bigint / (select count(*) from open_kind))) as head
   join task on task.job_id = head.job_id and task.id = head.task_id
   order by head.priority, head.ready_at, head.id`,
)

/**
 * Steps that may start now, in the order in which they are claimed: lowest `priority`, then oldest `ready_at`, then `id`. Leaves out
 * what is paused, by itself or by its job, season or site. Takes no lock: `claimReadySteps` looks at state, time and job again.
 *
 * `limit` is shared evenly by the groups of steps that have processor, site and job in common, each giving at least its first: what
 * holds back one group (a cap, a pause) never hides the steps of another behind its own, and the cost grows with the number
 * of groups, not with the length of the queue.
 */
export async function listReadySteps(
  db: Queryable,
  { executor, limit }: { executor: string; limit: number },
): Promise<ReadyStep[]> {
  return list(db, executor, limit)
}
