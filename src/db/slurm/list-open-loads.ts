import { prepared } from '../prepared.js'
import type { Queryable } from '../steps/queryable.js'

/** A claim that was submitted to Slurm, with what has become of it. */
export interface LoadRow {
  readonly batchId: string
  /** Of the array; null while it is not known. */
  readonly jobId: number | null
  /** Since the batch was written down, seconds by the database's clock. */
  readonly batchAgeS: number
  readonly elements: number
  readonly element: number
  readonly place: number
  readonly id: number
  readonly attempt: number
  readonly processor: string
  readonly threads: number
  /** Restarts of the element when it began the step; null: not begun. */
  readonly begunRun: number | null
  /** The claim is still held: the step runs as this attempt. */
  readonly isHeld: boolean
  readonly cancelRequested: boolean
  readonly note: string | null
}

const list = prepared<LoadRow>(
  'list_open_loads',
  `select b.id as "batchId", b.job_id::float8 as "jobId", extract(epoch from now() - b.submitted_at)::float8 as "batchAgeS", b.elements,
     l.element, l.place, l.step_id::float8 as id, l.attempt, s.processor, coalesce(s.threads, 1) as threads, l.begun_run as "begunRun",
     (s.state = 'running' and s.attempt = l.attempt) as "isHeld", s.cancel_requested as "cancelRequested", s.progress_note as note
   from slurm_batch b join slurm_load l on l.batch_id = b.id join step s on s.id = l.step_id
   where b.closed_at is null and b.cluster = $1 order by b.submitted_at, b.id, l.element, l.place`,
)

/** All loads of the open batches of a cluster, in the order in which they were submitted and are taken. */
export async function listOpenLoads(db: Queryable, cluster: string): Promise<LoadRow[]> {
  return list(db, cluster)
}

const empty = prepared<{ id: string }>(
  'list_empty_batches',
  `select id from slurm_batch b where closed_at is null and cluster = $1 and not exists (select from slurm_load l where l.batch_id = b.id)`,
)

/** Open batches whose steps were all removed from the database, with their jobs. */
export async function listEmptyBatches(db: Queryable, cluster: string): Promise<string[]> {
  return (await empty(db, cluster)).map(({ id }) => id)
}
