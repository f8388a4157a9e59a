import { prepared } from '../prepared.js'
import type { Queryable } from './queryable.js'

export interface RunningRow {
  readonly id: number
  readonly attempt: number
  readonly executor: string
  readonly processor: string
  readonly siteId: number | null
  /** Admitted with. */
  readonly memoryMb: number
  /** Files that it may still write: admitted with, less what it has written. */
  readonly diskMb: number
  /** Files that it declares: what its limit is counted from. */
  readonly declaredDiskMb: number
  readonly ioWeight: number
  /** See `Candidate`. */
  readonly usableThreads: number | null
  readonly threads: number
  readonly node: string | null
  readonly pid: number | null
  readonly cancelRequested: boolean
}

const list = prepared<RunningRow>(
  'list_running_steps',
  `select id::float8 as id, attempt, executor, processor, site_id::float8 as "siteId", coalesce((granted ->> 'memory_mb')::float8, memory_mb) as "memoryMb",
     greatest(0, coalesce((granted ->> 'disk_mb')::float8, scratch_mb) - coalesce((resources ->> 'disk_mb')::float8, 0)) as "diskMb",
     scratch_mb as "declaredDiskMb", coalesce((granted ->> 'io_weight')::float8, io_weight) as "ioWeight", (granted ->> 'cpu')::float8 as "usableThreads",
     coalesce(threads, 1) as threads, node, pid, cancel_requested as "cancelRequested"
   from step where state = 'running' order by started_at, id`,
)

/** Running steps of all executors, in the order in which they started: caps count them all. */
export async function listRunningSteps(db: Queryable): Promise<RunningRow[]> {
  return list(db)
}
