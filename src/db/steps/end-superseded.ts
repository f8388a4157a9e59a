import { sql } from 'kysely'
import { HELD, type ClaimKey, type Queryable } from './queryable.js'
import { whySuperseded } from './why-superseded.js'

/**
 * Ends a claim as superseded, for a reason that `whySuperseded` gave in the same transaction: cancelled with the code SUPERSEDED, which is no failure of its job.
 * What follows is drawn by the next `settleEnds`. False when the claim was lost.
 */
export async function endSuperseded(
  trx: Queryable,
  { id, attempt }: ClaimKey,
  reason: string,
  resources: unknown,
): Promise<boolean> {
  const { rows } = await sql`
    with ended as (
      update step set state = 'cancelled', lease_expires_at = null, threads = null, pid = null, ended_at = now(), cancel_requested = false,
        error_code = 'SUPERSEDED', error_message = ${reason}, error_class = 'permanent', resources = ${JSON.stringify(resources)}::jsonb
      where id = ${id} and attempt = ${attempt} and ${sql.raw(HELD)}
      returning id, attempt),
    queued as (insert into step_ended (step_id) select id from ended)
    insert into step_event (step_id, attempt, kind, detail)
    select id, attempt, 'cancelled', jsonb_build_object('code', 'SUPERSEDED', 'reason', ${reason}::text) from ended returning step_id`.execute(
    trx,
  )
  return rows.length > 0
}

/** Ends a claim as superseded if its acquisition is. Undefined: it is not, or the claim was lost; else why. */
export async function endIfSuperseded(
  db: Queryable,
  key: ClaimKey,
  resources: unknown,
): Promise<string | undefined> {
  return db.transaction().execute(async (trx) => {
    const reason = await whySuperseded(trx, key.id, [])
    return reason !== null && (await endSuperseded(trx, key, reason, resources)) ? reason : undefined
  })
}

/**
 * Ends the steps of superseded acquisitions that have not begun, in the transaction that supersedes them. It waits for no other lock of a step: one that is being claimed
 * at this moment finds out when it starts. What follows is drawn by the next `settleEnds`, hence not here.
 */
export async function endWaitingSuperseded(trx: Queryable, acquisitionIds: readonly number[]): Promise<void> {
  await sql`
    with waiting as (
      select s.id, coalesce(a.reason, 'superseded by a newer version of its scene') as reason
      from acquisition a join task t on t.acquisition_id = a.id join step s on s.job_id = t.job_id and s.task_id = t.id
      where a.id = any(${acquisitionIds}::bigint[]) and a.state = 'superseded' and s.state in ('blocked', 'ready')
      order by s.id for update of s skip locked),
    ended as (
      update step set state = 'cancelled', ended_at = now(), error_code = 'SUPERSEDED', error_message = waiting.reason, error_class = 'permanent'
      from waiting where step.id = waiting.id
      returning step.id, step.attempt, waiting.reason),
    queued as (insert into step_ended (step_id) select id from ended),
    noted as (
      insert into step_event (step_id, attempt, kind, detail)
      select id, attempt, 'cancelled', jsonb_build_object('code', 'SUPERSEDED', 'reason', reason) from ended)
    select pg_notify('tilth_step', '') from ended limit 1`.execute(trx)
}
