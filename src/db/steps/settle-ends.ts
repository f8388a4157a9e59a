import { prepared } from '../prepared.js'
import { HOLDS_BACK, type Queryable } from './queryable.js'

/** Ends that one statement takes. */
const BATCH = 5000

const settle = prepared<{ taken: number; unblocked: number; cancelled: number }>(
  'settle_ends',
  `with taken as (
     delete from step_ended where ctid = any (array(select ctid from step_ended limit $1 for update skip locked))
     returning step_id, kind, attempt, at, detail),
   ended as (
     select step.id, step.job_id, step.state, taken.kind, taken.attempt, taken.at, taken.detail from taken join step on step.id = taken.step_id
     where coalesce(step.state in ('succeeded', 'failed', 'cancelled', 'quarantined'), false)),
   fallen as materialized (
     select step.id from ended join step on step.id = ended.id
     where ended.state <> 'succeeded' and step.state in ('failed', 'cancelled', 'quarantined') order by step.id for share of step),
   successor as (
     select d.step_id, bool_or(fallen.id is not null and not d.end_suffices) as is_hopeless
     from ended left join fallen on fallen.id = ended.id join step_dependency d on d.predecessor_id = ended.id group by d.step_id),
   verdict as materialized (
     select step.id, successor.is_hopeless from successor join step on step.id = successor.step_id
     where step.state = 'blocked' and (successor.is_hopeless or (
       select p.id from step_dependency d join step p on p.id = d.predecessor_id
       where d.step_id = step.id and ${HOLDS_BACK}
       order by d.predecessor_id desc limit 1) is null)
     order by step.id for no key update of step),
   moved as (
     update step set
       state = (case when verdict.is_hopeless then 'cancelled' else 'ready' end)::step_state,
       ready_at = case when verdict.is_hopeless then step.ready_at else now() end,
       ended_at = case when verdict.is_hopeless then now() end
     from verdict where step.id = verdict.id and step.state = 'blocked'
     returning step.id, step.attempt, verdict.is_hopeless),
   noted as (
     insert into step_event (step_id, attempt, at, kind, detail)
     select id, attempt, at, kind, detail from ended where kind is not null
     union all
     select id, attempt, clock_timestamp(), case when is_hopeless then 'cancelled' else 'unblocked' end,
       case when is_hopeless then '{"reason": "a predecessor ended without success"}'::jsonb else '{}' end from moved),
   again as (insert into step_ended (step_id) select id from moved where is_hopeless),
   closing as materialized (
     select job.id, job.reopened, state_of_ended_job(job.id) as state
     from job where job.id in (select job_id from ended) and job.state = 'active' and (
       select step.id from step where step.job_id = job.id and step.state in ('blocked', 'ready', 'running')
       order by step.job_id desc, step.task_id desc, step.id desc limit 1) is null),
   closed as (
     update job set ended_at = now(), state = closing.state
     from closing where job.id = closing.id and job.state = 'active' and job.reopened = closing.reopened),
   told as (
     select pg_notify('tilth_step', $2) from moved where not is_hopeless limit 1)
   select (select count(*) from taken)::int as taken, (select count(*) from told)::int as told,
     (select count(*) from moved where not is_hopeless)::int as unblocked,
     (select count(*) from moved where is_hopeless)::int as cancelled`,
)

/**
 * Draws what follows from steps that ended: successors become ready, or cancelled when a predecessor did not succeed whose end alone does not suffice, and so do
 * theirs; jobs whose steps have all ended end, as failed if any step failed or is quarantined, else as cancelled if any is, except such that
 * gave way to a newer version of their acquisition (SUPERSEDED), else as succeeded. Returns how many steps were unblocked; schedulers other than `by` are told of them.
 *
 * An end and its row of `step_ended` are one commit, and so are the consequences, the event of the end where it stands in that row, and the
 * removal of the row: a crash leaves all or none, and `step_history` has the event in either place. Callers may run at once and need no lock. Of two whose ends together free a successor or finish a job, the one whose
 * snapshot is the later sees both ends; drawing a consequence twice changes nothing, because each names the state it leaves.
 * A retry can commit between that snapshot and a write here. Postgres then looks again at the row that is written or locked, and at that
 * row alone: so a step that is to take others with it is locked (`fallen`: not if it was put back meanwhile), and a job ends only if no
 * retry has raised `reopened` since its steps were looked at.
 * Hence: never in the transaction that ends a step, whose own row is not committed yet when the other one looks.
 * A predecessor of the highest id is looked at first: it is the likeliest not to have ended.
 * The plan is kept only while its estimate does not grow (see migration 0029): `coalesce` keeps the share of steps that have ended out of it.
 */
export async function settleEnds(db: Queryable, by = ''): Promise<number> {
  let unblocked = 0
  for (;;) {
    const [done] = await settle(db, BATCH, by)
    if (done === undefined) return unblocked
    unblocked += done.unblocked
    if (done.taken < BATCH && done.cancelled === 0) return unblocked
  }
}
