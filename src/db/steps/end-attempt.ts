import { sql } from 'kysely'
import type { FailureClass } from '../../domain/errors.js'
import type { ClaimKey, Queryable } from './queryable.js'
import { settleAfterSteps } from './settle-after-step.js'

export interface StepFailure {
  readonly code: string
  readonly failure: FailureClass
  readonly message: string
  readonly lastLines: readonly string[]
}

export type AfterFailure =
  | { readonly kind: 'retry'; readonly delayS: number; readonly memoryFactor: number }
  | { readonly kind: 'fail' }
  | { readonly kind: 'quarantine' }

/**
 * Ends a claim as failed: back to ready after a delay, failed for good, or quarantined, as the retry policy says; a step
 * whose cancel was asked for meanwhile is cancelled instead of tried again. `decide` gets the count of failures including
 * this one. False when the claim was lost.
 */
export async function failStep(
  db: Queryable,
  { id, attempt }: ClaimKey,
  failure: StepFailure,
  decide: (failures: number) => AfterFailure,
  resources: unknown,
): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const { rows } = await sql<{ failures: number; cancelRequested: boolean }>`
      select failures, cancel_requested as "cancelRequested" from step
      where id = ${id} and attempt = ${attempt} and state = 'running' for update`.execute(trx)
    const step = rows[0]
    if (step === undefined) return false
    const after = decide(step.failures + 1)
    const isRetry = after.kind === 'retry' && !step.cancelRequested
    const state = isRetry
      ? 'ready'
      : after.kind === 'retry'
        ? 'cancelled'
        : after.kind === 'fail'
          ? 'failed'
          : 'quarantined'
    const delayS = isRetry ? after.delayS : 0
    const detail = {
      code: failure.code,
      message: failure.message,
      last_lines: failure.lastLines,
      resources,
      next: state,
      ...(isRetry ? { delay_s: delayS } : {}),
    }
    await sql`
      update step set state = ${state}::step_state, failures = failures + 1, lease_expires_at = null, threads = null, pid = null,
        ended_at = case when ${isRetry} then null else now() end, ready_at = now() + make_interval(secs => ${delayS}),
        memory_mb = ceil(memory_mb * ${isRetry ? after.memoryFactor : 1}::float8), error_code = ${failure.code},
        error_message = ${failure.message}, error_class = ${failure.failure}::failure_class, resources = ${JSON.stringify(resources)}::jsonb,
        progress = case when ${isRetry} then 0 else progress end
      where id = ${id} and attempt = ${attempt} and state = 'running'`.execute(trx)
    await sql`
      insert into step_event (step_id, attempt, kind, detail)
      values (${id}, ${attempt}, 'failed', ${JSON.stringify(detail)}::jsonb)`.execute(trx)
    if (!isRetry) await settleAfterSteps(trx, [id])
    return true
  })
}

/** Ends a claim as cancelled by its user. False when the claim was lost. */
export async function cancelRunningStep(
  db: Queryable,
  { id, attempt }: ClaimKey,
  resources: unknown,
): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const { rows } = await sql`
      with ended as (
        update step set state = 'cancelled', lease_expires_at = null, threads = null, pid = null, ended_at = now(),
          resources = ${JSON.stringify(resources)}::jsonb
        where id = ${id} and attempt = ${attempt} and state = 'running'
        returning id, attempt)
      insert into step_event (step_id, attempt, kind) select id, attempt, 'cancelled' from ended returning step_id`.execute(
      trx,
    )
    if (rows.length > 0) await settleAfterSteps(trx, [id])
    return rows.length > 0
  })
}

/** Which running claims `releaseSteps` gives back. */
export type ReleaseScope =
  | { readonly kind: 'claim'; readonly id: number; readonly attempt: number }
  /** Whose lease ran out: the process and its scheduler are gone, or cut off. */
  | { readonly kind: 'expired' }
  /** Whose process on this host is known to be dead. */
  | { readonly kind: 'claims'; readonly keys: readonly ClaimKey[] }

/**
 * Gives running steps back as ready at once; no failure is counted. Those whose cancel was asked for are cancelled.
 * Returns the claims that were given back.
 */
export async function releaseSteps(db: Queryable, scope: ReleaseScope, reason: string): Promise<ClaimKey[]> {
  const keys =
    scope.kind === 'claim'
      ? [{ id: scope.id, attempt: scope.attempt }]
      : scope.kind === 'claims'
        ? scope.keys
        : []
  const where =
    scope.kind === 'expired'
      ? sql`lease_expires_at < now()`
      : sql`(id, attempt) in (select k.id, k.attempt from jsonb_to_recordset(${JSON.stringify(keys)}::jsonb) as k(id bigint, attempt integer))`
  return db.transaction().execute(async (trx) => {
    const { rows } = await sql<ClaimKey & { state: string }>`
      with gone as (
        select id from step where state = 'running' and ${where} order by id for update skip locked),
      released as (
        update step set state = (case when cancel_requested then 'cancelled' else 'ready' end)::step_state,
          lease_expires_at = null, threads = null, pid = null, progress = 0, ready_at = now(),
          ended_at = case when cancel_requested then now() end
        where id in (select id from gone)
        returning id, attempt, state),
      noted as (
        insert into step_event (step_id, attempt, kind, detail)
        select id, attempt, 'released', jsonb_build_object('reason', ${reason}::text) from released)
      select id::float8 as id, attempt, state::text as state from released`.execute(trx)
    const cancelled = rows.filter(({ state }) => state === 'cancelled').map(({ id }) => id)
    if (cancelled.length > 0) await settleAfterSteps(trx, cancelled)
    return rows.map(({ id, attempt }) => ({ id, attempt }))
  })
}
