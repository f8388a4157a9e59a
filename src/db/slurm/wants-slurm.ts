import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

/** Whether some setting sends steps to Slurm, or some step that is not over belongs there already. */
export async function wantsSlurm(db: Queryable): Promise<boolean> {
  const { rows } = await sql<{ wants: boolean }>`
    select exists (select from setting where (key = 'executor.kind' or key like 'processor.%.executor') and value = '"slurm"')
      or exists (select from step where state = 'ready' and not paused and executor = 'slurm')
      or exists (select from step where state = 'running' and executor = 'slurm') as wants`.execute(db)
  return rows[0]?.wants ?? false
}
