import { sql } from 'kysely'
import type { ClaimKey, Queryable } from './queryable.js'

/** Records new thread budgets of running claims; one that was lost meanwhile stays as it is. */
export async function setStepThreads(
  db: Queryable,
  budgets: readonly (ClaimKey & { readonly threads: number })[],
): Promise<void> {
  if (budgets.length === 0) return
  await sql`
    update step set threads = b.threads
    from jsonb_to_recordset(${JSON.stringify(budgets)}::jsonb) as b(id bigint, attempt integer, threads integer)
    where step.id = b.id and step.attempt = b.attempt and step.state = 'running'`.execute(db)
}
