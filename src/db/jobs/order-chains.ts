import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

/**
 * Puts new L2A steps into the order of their chains: each waits for the end, however it ends, of the step of the date before it that is open; and a step that
 * waits already waits for the new ones before it too. One that may start at any moment is let go: if it began too early, its product is stale and made again.
 * In the transaction that inserts the steps, under the lock of L2A planning.
 */
export async function orderChains(trx: Queryable, stepIds: readonly number[]): Promise<void> {
  if (stepIds.length === 0) return
  // Within 45 days: behind that no state is taken, whatever its age may be by default; a longer gap is mended by staleness.
  await sql`
    with tile as (
      select a.satellite, a.tile, min(a.sensed_at) - interval '45 days' as since, max(a.sensed_at) + interval '45 days' as until
      from step s join task t on t.job_id = s.job_id and t.id = s.task_id join acquisition a on a.id = t.acquisition_id
      where s.id = any(${stepIds}::bigint[]) group by a.satellite, a.tile),
    open as materialized (
      select s.id, s.state, a.satellite, a.tile, a.relative_orbit, a.sensed_at,
        coalesce((s.params -> 'parameters' ->> 'other_orbits')::boolean, false) as other_orbits
      from tile join acquisition a on a.satellite = tile.satellite and a.tile = tile.tile and a.sensed_at between tile.since and tile.until
      join task t on t.acquisition_id = a.id join step s on s.job_id = t.job_id and s.task_id = t.id
      where s.processor = 'l2a' and s.state in ('blocked', 'ready', 'running')),
    placed as (
      select id, state, sensed_at, other_orbits, lag(id) over own as own_id, lag(sensed_at) over own as own_at, lag(id) over any_orbit as any_id,
        lag(sensed_at) over any_orbit as any_at
      from open window own as (partition by satellite, tile, relative_orbit order by sensed_at, id),
        any_orbit as (partition by satellite, tile order by sensed_at, id)),
    edge as (
      select id, state, sensed_at, case when other_orbits then any_id else own_id end as before_id, case when other_orbits then any_at else own_at end as before_at
      from placed)
    insert into step_dependency (step_id, predecessor_id, end_suffices)
    select id, before_id, true from edge
    where before_at > sensed_at - interval '45 days' and before_at < sensed_at
      and (id = any(${stepIds}::bigint[]) or state = 'blocked' and before_id = any(${stepIds}::bigint[]))
    order by id, before_id
    on conflict do nothing`.execute(trx)
  // A predecessor that ends at this moment waits for this commit, or is seen as ended by the next statement.
  await sql`
    select from step where id in (select predecessor_id from step_dependency where step_id = any(${stepIds}::bigint[]))
      and state in ('blocked', 'ready', 'running') order by id for share`.execute(trx)
  await sql`
    update step set state = 'blocked' where id = any(${stepIds}::bigint[]) and state = 'ready' and exists (
      select from step_dependency d join step p on p.id = d.predecessor_id
      where d.step_id = step.id and p.state in ('blocked', 'ready', 'running'))`.execute(trx)
}
