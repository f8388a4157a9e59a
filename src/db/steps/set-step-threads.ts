import { sql } from 'kysely'
import type { Queryable } from './queryable.js'

/** Records new thread budgets of running steps. */
export async function setStepThreads(
  db: Queryable,
  budgets: readonly { readonly id: number; readonly threads: number }[],
): Promise<void> {
  if (budgets.length === 0) return
  await sql`
    update step set threads = b.threads
    from jsonb_to_recordset(${JSON.stringify(budgets)}::jsonb) as b(id bigint, threads integer)
    where step.id = b.id and step.state = 'running'`.execute(db)
}
