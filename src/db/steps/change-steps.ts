import { sql } from 'kysely'
import { HOLDS_BACK, type Queryable } from './queryable.js'
import { notifySchedulers } from './notify-schedulers.js'
import { selectedSteps as selected, type StepSelection } from './selected-steps.js'
import { settleEnds } from './settle-ends.js'

/** How many steps a cancel ended at once, and how many running ones it asked to end. */
export interface CancelCounts {
  readonly cancelled: number
  readonly asked: number
}

/** Cancels blocked and ready steps at once and asks running ones to end; others stay as they are. */
export async function cancelSteps(db: Queryable, which: StepSelection): Promise<CancelCounts> {
  const counts = await db.transaction().execute((trx) => cancelStepRows(trx, which))
  await settleEnds(db)
  return counts
}

/** The same within the caller's transaction, who draws the consequences (`settleEnds`) when it is committed, not before. */
export async function cancelStepRows(trx: Queryable, which: StepSelection): Promise<CancelCounts> {
  await sql`select from step where ${selected(which)} and state in ('blocked', 'ready', 'running') order by id for update`.execute(
    trx,
  )
  const { rows: cancelled } = await sql<{ id: number }>`
    with ended as (
      update step set state = 'cancelled', ended_at = now()
      where ${selected(which)} and state in ('blocked', 'ready') returning id, attempt),
    noted as (insert into step_event (step_id, attempt, kind) select id, attempt, 'cancelled' from ended),
    queued as (insert into step_ended (step_id) select id from ended)
    select id::float8 as id from ended`.execute(trx)
  const { rows: asked } = await sql<{ id: number }>`
    with ended as (
      update step set cancel_requested = true
      where ${selected(which)} and state = 'running' and not cancel_requested returning id, attempt),
    noted as (insert into step_event (step_id, attempt, kind) select id, attempt, 'cancel requested' from ended)
    select id::float8 as id from ended`.execute(trx)
  if (asked.length > 0) await notifySchedulers(trx)
  return { cancelled: cancelled.length, asked: asked.length }
}

/**
 * Puts failed, quarantined and cancelled steps back into the queue with a clean count of failures; those with a predecessor
 * that has not succeeded wait for it (blocked), and successors that were cancelled for this step's sake come back too.
 * Their jobs are active again, and stay so whatever `settleEnds` draws at this moment from the ends before. Returns how many steps were
 * put back.
 */
export async function retrySteps(db: Queryable, which: StepSelection): Promise<number> {
  return db.transaction().execute(async (trx) => {
    const { ids, jobIds } = await lockRetried(trx, which)
    if (ids.length === 0) return 0
    // A predecessor that ends at this moment waits for this commit, or is seen as ended by the next statement: otherwise both could
    // take the successor for the other's.
    await sql`
      select from step where id in (select predecessor_id from step_dependency where step_id = any(${ids}::bigint[]))
        and state <> 'succeeded' order by id for share`.execute(trx)
    await sql`
      with again as (
        update step set failures = 0, cancel_requested = false, ended_at = null, ready_at = now(), progress = 0, progress_note = null,
          error_code = null, error_message = null, error_class = null,
          state = (case when exists (
            select from step_dependency d join step p on p.id = d.predecessor_id
            where d.step_id = step.id and ${sql.raw(HOLDS_BACK)}) then 'blocked' else 'ready' end)::step_state
        where id = any(${ids}::bigint[]) returning id, attempt)
      insert into step_event (step_id, attempt, kind) select id, attempt, 'retried' from again`.execute(trx)
    // Whatever the state of the job: one that is ended at this moment is waited for, one that is to be ended is not ended any more.
    await sql`
      update job set state = 'active', ended_at = null, reopened = reopened + 1 where id = any(${jobIds}::bigint[])`.execute(
      trx,
    )
    await notifySchedulers(trx)
    return ids.length
  })
}

/**
 * Locks the steps that a retry puts back. A successor can be cancelled, by who waits behind none of these locks, until its predecessor is
 * locked: so the steps are looked for again until a look from behind the locks finds no more.
 */
async function lockRetried(
  trx: Queryable,
  which: StepSelection,
): Promise<{ readonly ids: readonly number[]; readonly jobIds: readonly number[] }> {
  for (let known = 0; ;) {
    const { rows } = await sql<{ id: number; jobId: number }>`
      with recursive wanted as (
        select id from step where ${selected(which)} and state in ('failed', 'quarantined', 'cancelled')
        union
        select d.step_id from step_dependency d join wanted on wanted.id = d.predecessor_id and not d.end_suffices
          join step s on s.id = d.step_id and s.state = 'cancelled')
      select id::float8 as id, job_id::float8 as "jobId" from step
      where id in (select id from wanted) and state in ('failed', 'quarantined', 'cancelled')
      order by step.id for update`.execute(trx)
    if (rows.length === known)
      return { ids: rows.map(({ id }) => id), jobIds: [...new Set(rows.map(({ jobId }) => jobId))] }
    known = rows.length
  }
}
