import { sql } from 'kysely'
import { notifySchedulers } from './notify-schedulers.js'
import type { Queryable } from './queryable.js'
import { selectedSteps, type StepSelection } from './selected-steps.js'

/**
 * Pauses steps that have not ended, with all that waits for their success, or lets paused ones and what waits for them go on; dates that wait for the end of
 * an earlier one of their chain only are let go by `freeChains`. A running step ends; if it is to be tried
 * again, it waits then. Returns how many of the flags changed.
 */
export async function pauseSteps(db: Queryable, which: StepSelection, paused: boolean): Promise<number> {
  return db.transaction().execute(async (trx) => {
    const { rows } = await sql`
      with recursive wanted as (
        select id from step where ${selectedSteps(which)}
        union
        select d.step_id from step_dependency d join wanted on wanted.id = d.predecessor_id and not d.end_suffices),
      held as materialized (
        select id from step where id in (select id from wanted) and paused <> ${paused}::boolean
          and (not ${paused}::boolean or state in ('blocked', 'ready', 'running')) order by id for update),
      changed as (
        update step set paused = ${paused}::boolean from held where step.id = held.id returning step.id, step.attempt)
      insert into step_event (step_id, attempt, kind) select id, attempt, ${paused ? 'paused' : 'resumed'} from changed returning step_id`.execute(
      trx,
    )
    if (rows.length > 0 && !paused) await notifySchedulers(trx)
    return rows.length
  })
}
