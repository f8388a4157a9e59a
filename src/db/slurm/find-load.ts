import { sql } from 'kysely'
import type { ClaimKey, Queryable } from '../steps/queryable.js'

/** The element of an array that carried an attempt, newest first; undefined where none did. */
export async function findLoad(
  db: Queryable,
  { id, attempt }: ClaimKey,
): Promise<{ jobId: number | null; element: number } | undefined> {
  const { rows } = await sql<{ jobId: number | null; element: number }>`
    select b.job_id::float8 as "jobId", l.element from slurm_load l join slurm_batch b on b.id = l.batch_id
    where l.step_id = ${id} and l.attempt >= ${attempt} order by l.attempt, b.submitted_at desc limit 1`.execute(
    db,
  )
  return rows[0]
}
