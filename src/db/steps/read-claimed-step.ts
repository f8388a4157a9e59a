import { prepared } from '../prepared.js'
import { HELD, type ClaimKey, type Queryable } from './queryable.js'

export interface ClaimedRow {
  readonly processor: string
  readonly params: unknown
  readonly threads: number
  /** How often its blocks shall be halved: memory has run out. */
  readonly blockShrink: number
  /** In force at the claim, by which the scheduler has set the first lease; null: not on the row. */
  readonly leaseSeconds: number | null
  /** MiB that it was admitted with where `processor.<name>.memory_mb` set that at the claim; null: nobody has set it. */
  readonly memoryMb: number | null
  /** `products.codec` as frozen into its job; null: the job is older than that setting. */
  readonly codec: string | null
  /** Its acquisition is: there is nothing to be made any more. */
  readonly isSuperseded: boolean
}

const read = prepared<ClaimedRow>(
  'read_claimed_step',
  `select processor, params, coalesce(threads, 1) as threads, block_shrink as "blockShrink",
     (settings_of(step) -> 'executor.lease_s' ->> 'value')::float8 as "leaseSeconds",
     case when (settings_of(step) -> ('processor.' || processor || '.memory_mb') ->> 'value')::float8 > 0
       then (granted ->> 'memory_mb')::float8 end as "memoryMb",
     settings_of(step) -> 'products.codec' ->> 'value' as codec,
     exists (select from task t join acquisition a on a.id = t.acquisition_id
       where t.job_id = step.job_id and t.id = step.task_id and a.state = 'superseded') as "isSuperseded" from step
   where id = $1 and attempt = $2 and ${HELD}`,
)

/** The step of a claim; undefined when the claim is lost. */
export async function readClaimedStep(
  db: Queryable,
  { id, attempt }: ClaimKey,
): Promise<ClaimedRow | undefined> {
  return (await read(db, id, attempt))[0]
}

/** The site that a step works for, and what runs it; undefined when there is no such step. */
export async function placeOfStep(
  db: Queryable,
  id: number,
): Promise<{ readonly siteId: number | null; readonly executor: string } | undefined> {
  return db
    .selectFrom('step')
    .select(['site_id as siteId', 'executor'])
    .where('id', '=', id)
    .executeTakeFirst()
}
