import { sql } from 'kysely'
import type { Queryable } from './queryable.js'

/**
 * What follows from steps that just ended, in the same transaction: successors become ready, or cancelled when this one
 * did not succeed, and so do theirs; jobs whose steps have all ended end.
 *
 * Two predecessors may end at once, neither seeing the other. So successors and jobs are locked first and looked at by a
 * later statement, which sees what the other transaction committed meanwhile (READ COMMITTED). Locks are taken in the order
 * step, successors, job everywhere.
 */
export async function settleAfterSteps(trx: Queryable, ids: readonly number[]): Promise<void> {
  let ended = ids
  while (ended.length > 0) {
    const { rows: blocked } = await sql<{ id: number }>`
      select id::float8 as id from step
      where state = 'blocked' and id in (select step_id from step_dependency where predecessor_id = any(${ended}::bigint[]))
      order by id for update`.execute(trx)
    if (blocked.length === 0) break
    const successors = blocked.map(({ id }) => id)
    const { rows: cancelled } = await sql<{ id: number }>`
      with hopeless as (
        update step set state = 'cancelled', ended_at = now()
        where id = any(${successors}::bigint[]) and exists (
          select from step_dependency d join step p on p.id = d.predecessor_id
          where d.step_id = step.id and p.state in ('failed', 'cancelled', 'quarantined'))
        returning id, attempt),
      noted as (
        insert into step_event (step_id, attempt, kind, detail)
        select id, attempt, 'cancelled', '{"reason": "a predecessor ended without success"}' from hopeless)
      select id::float8 as id from hopeless`.execute(trx)
    await sql`
      with unblocked as (
        update step set state = 'ready', ready_at = now()
        where id = any(${successors}::bigint[]) and state = 'blocked' and not exists (
          select from step_dependency d join step p on p.id = d.predecessor_id
          where d.step_id = step.id and p.state <> 'succeeded')
        returning id, attempt)
      insert into step_event (step_id, attempt, kind) select id, attempt, 'unblocked' from unblocked`.execute(
      trx,
    )
    ended = cancelled.map(({ id }) => id)
    ids = [...ids, ...ended]
  }
  await settleJobs(trx, ids)
}

/** The state of a job follows from its steps once all have ended: any failed or quarantined, else any cancelled, else succeeded. */
async function settleJobs(trx: Queryable, stepIds: readonly number[]): Promise<void> {
  const { rows } = await sql<{ id: number }>`
    select id::float8 as id from job
    where id in (select job_id from step where id = any(${stepIds}::bigint[])) and state = 'active'
    order by id for update`.execute(trx)
  await sql`
    update job set ended_at = now(), state = (
      case when exists (select from step where job_id = job.id and state in ('failed', 'quarantined')) then 'failed'
           when exists (select from step where job_id = job.id and state = 'cancelled') then 'cancelled'
           else 'succeeded' end)::job_state
    where id = any(${rows.map(({ id }) => id)}::bigint[])
      and not exists (select from step where job_id = job.id and state in ('blocked', 'ready', 'running'))`.execute(
    trx,
  )
}
