import { sql } from 'kysely'
import type { FailureClass } from '../../domain/errors.js'
import { HELD, type ClaimKey, type Queryable } from './queryable.js'
import { notifySchedulers } from './notify-schedulers.js'
import { settleEnds } from './settle-ends.js'
import { giveUpChainState } from './write-chain-state.js'

export interface StepFailure {
  readonly code: string
  readonly failure: FailureClass
  readonly message: string
  readonly lastLines: readonly string[]
  /** How its process ended, for whoever looks into it later; absent where nobody saw a process. */
  readonly evidence?: AttemptEvidence
}

/** How the process of an attempt was started and how it ended, as far as its observer knows. */
export interface AttemptEvidence {
  /** Program and arguments of the step process. */
  readonly argv: readonly string[]
  readonly pid: number | null
  /** Null for a process that goes on (the step itself reported its failure) or was ended by a signal. */
  readonly exitCode: number | null
  readonly signal: string | null
}

export type AfterFailure =
  | {
      readonly kind: 'retry'
      readonly delayS: number
      /** The next attempt is admitted with at least so much, its blocks halved so often. */
      readonly memory?: { readonly floorMb: number; readonly blockShrink: number }
    }
  | { readonly kind: 'fail' }
  /** `note` is added to the message. */
  | { readonly kind: 'quarantine'; readonly note?: string }

/** The failed attempt, for who decides what follows. */
export interface FailedAttempt {
  /** Failed attempts including this one. */
  readonly failures: number
  /** It was admitted with, MiB. */
  readonly grantedMb: number
  readonly blockShrink: number
}

/**
 * Ends a claim as failed: back to ready after a delay, failed for good, or quarantined, as the retry policy says; a step
 * whose cancel was asked for meanwhile is cancelled instead of tried again. `decide` gets the failed attempt, its failure
 * counted. All evidence goes into the history, where a later attempt does not replace it; its duration is by the database's
 * clock, from claim to now. False when the claim was lost.
 */
export async function failStep(
  db: Queryable,
  { id, attempt }: ClaimKey,
  reported: StepFailure,
  decide: (attempt: FailedAttempt) => AfterFailure,
  resources: unknown,
): Promise<boolean> {
  const failure = {
    ...reported,
    message: withoutNul(reported.message),
    lastLines: reported.lastLines.map(withoutNul),
  }
  const isEnded = await db.transaction().execute(async (trx) => {
    const { rows } = await sql<
      FailedAttempt & { cancelRequested: boolean; node: string | null; durationS: number }
    >`
      select failures + 1 as failures, cancel_requested as "cancelRequested", node, block_shrink as "blockShrink",
        coalesce((granted ->> 'memory_mb')::float8, memory_mb) as "grantedMb",
        round(extract(epoch from clock_timestamp() - started_at), 3)::float8 as "durationS" from step
      where id = ${id} and attempt = ${attempt} and ${sql.raw(HELD)} for update`.execute(trx)
    const step = rows[0]
    if (step === undefined) return false
    const after = decide(step)
    const isRetry = after.kind === 'retry' && !step.cancelRequested
    const state = isRetry
      ? 'ready'
      : after.kind === 'retry'
        ? 'cancelled'
        : after.kind === 'fail'
          ? 'failed'
          : 'quarantined'
    const delayS = isRetry ? after.delayS : 0
    const memory = isRetry ? after.memory : undefined
    const message =
      after.kind === 'quarantine' && after.note !== undefined
        ? `${failure.message} ${after.note}`
        : failure.message
    const detail = {
      code: failure.code,
      message,
      argv: failure.evidence?.argv ?? null,
      exit_code: failure.evidence?.exitCode ?? null,
      signal: failure.evidence?.signal ?? null,
      node: step.node,
      pid: failure.evidence?.pid ?? null,
      duration_s: step.durationS,
      last_lines: failure.lastLines,
      resources,
      failures: step.failures,
      next: state,
      ...(isRetry ? { delay_s: delayS } : {}),
      ...(memory === undefined ? {} : { memory_floor_mb: memory.floorMb, block_shrink: memory.blockShrink }),
    }
    await sql`
      update step set state = ${state}::step_state, failures = failures + 1, lease_expires_at = null, threads = null, pid = null,
        ended_at = case when ${isRetry} then null else now() end, ready_at = now() + make_interval(secs => ${delayS}),
        memory_floor_mb = greatest(memory_floor_mb, ${memory?.floorMb ?? 0}::float8), block_shrink = ${memory?.blockShrink ?? step.blockShrink},
        error_code = ${failure.code},
        error_message = ${message}, error_class = ${failure.failure}::failure_class, resources = ${JSON.stringify(resources)}::jsonb,
        progress = case when ${isRetry} then 0 else progress end
      where id = ${id} and attempt = ${attempt} and ${sql.raw(HELD)}`.execute(trx)
    await sql`
      insert into step_event (step_id, attempt, kind, detail)
      values (${id}, ${attempt}, 'failed', ${JSON.stringify(detail)}::jsonb)`.execute(trx)
    if (isRetry) await notifySchedulers(trx)
    else {
      await sql`insert into step_ended (step_id) values (${id})`.execute(trx)
      await giveUpChainState(trx, id)
    }
    return true
  })
  if (isEnded) await settleEnds(db)
  return isEnded
}

/** A process that crashes may print anything, and Postgres has no text with U+0000 in it. */
const withoutNul = (text: string): string => text.replaceAll('\0', '\uFFFD')

/** Ends a claim as cancelled by its user. False when the claim was lost. */
export async function cancelRunningStep(
  db: Queryable,
  { id, attempt }: ClaimKey,
  resources: unknown,
): Promise<boolean> {
  const { rows } = await sql`
    with ended as (
      update step set state = 'cancelled', lease_expires_at = null, threads = null, pid = null, ended_at = now(),
        resources = ${JSON.stringify(resources)}::jsonb
      where id = ${id} and attempt = ${attempt} and ${sql.raw(HELD)}
      returning id, attempt),
    queued as (insert into step_ended (step_id) select id from ended)
    insert into step_event (step_id, attempt, kind) select id, attempt, 'cancelled' from ended returning step_id`.execute(
    db,
  )
  if (rows.length > 0) await settleEnds(db)
  return rows.length > 0
}

/** Which running claims `releaseSteps` gives back. */
export type ReleaseScope =
  | { readonly kind: 'claim'; readonly id: number; readonly attempt: number }
  /** Of these, or of all, whose lease is still run out: the process and its scheduler are gone, or cut off. */
  | { readonly kind: 'expired'; readonly keys?: readonly ClaimKey[] }
  /** Whose process on this host is known to be dead. */
  | { readonly kind: 'claims'; readonly keys: readonly ClaimKey[] }

/**
 * Gives running steps back as ready at once; no failure is counted. Those whose cancel was asked for are cancelled.
 * Returns the claims that were given back.
 */
export async function releaseSteps(db: Queryable, scope: ReleaseScope, reason: string): Promise<ClaimKey[]> {
  const keys = scope.kind === 'claim' ? [{ id: scope.id, attempt: scope.attempt }] : scope.keys
  const named =
    keys === undefined
      ? sql`true`
      : sql`(id, attempt) in (select k.id, k.attempt from jsonb_to_recordset(${JSON.stringify(keys)}::jsonb) as k(id bigint, attempt integer))`
  const where = scope.kind === 'expired' ? sql`${named} and lease_expires_at < now()` : named
  // A claim that is asked for by name is waited for: passed over, it would stay leased by nobody until its lease runs out.
  const passing = scope.kind === 'expired' ? sql`skip locked` : sql``
  const { rows } = await sql<ClaimKey & { state: string }>`
    with gone as (
      select id, pid from step where state = 'running' and ${where} order by id for update ${passing}),
    released as (
      update step set state = (case when step.cancel_requested then 'cancelled' else 'ready' end)::step_state,
        lease_expires_at = null, threads = null, pid = null, progress = 0, ready_at = now(),
        ended_at = case when step.cancel_requested then now() end
      from gone where step.id = gone.id
      returning step.id, step.attempt, step.state, step.node, gone.pid, step.started_at),
    noted as (
      insert into step_event (step_id, attempt, kind, detail)
      select id, attempt, 'released', jsonb_build_object('reason', ${reason}::text, 'node', node, 'pid', pid,
        'duration_s', round(extract(epoch from clock_timestamp() - started_at), 3)) from released),
    queued as (insert into step_ended (step_id) select id from released where state = 'cancelled'),
    told as (select pg_notify('tilth_step', '') from released where state = 'ready' limit 1)
    select id::float8 as id, attempt, state::text as state, (select count(*) from told) as told from released`.execute(
    db,
  )
  if (rows.some(({ state }) => state === 'cancelled')) await settleEnds(db)
  return rows.map(({ id, attempt }) => ({ id, attempt }))
}
