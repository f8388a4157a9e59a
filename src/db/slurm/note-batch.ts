import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

/** Notes under which number Slurm knows a batch. */
export async function noteBatchJob(db: Queryable, id: string, jobId: number): Promise<void> {
  await sql`update slurm_batch set job_id = ${jobId} where id = ${id}`.execute(db)
}

/** Closes batches of which nothing is left: no scheduler looks at them again. */
export async function closeBatches(db: Queryable, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return
  await sql`update slurm_batch set closed_at = now() where id = any(${ids}::uuid[]) and closed_at is null`.execute(
    db,
  )
}
