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
    fresh as (select * from open where id = any(${stepIds}::bigint[])),
    touched as (
      select * from fresh
      union
      select later.* from fresh cross join lateral (
        select o.* from open o where o.satellite = fresh.satellite and o.tile = fresh.tile and o.state = 'blocked' and o.sensed_at > fresh.sensed_at
          and (o.relative_orbit is not distinct from fresh.relative_orbit or o.other_orbits)
        order by o.sensed_at, o.id limit 1) later)
    insert into step_dependency (step_id, predecessor_id, end_suffices)
    select touched.id, before.id, true from touched cross join lateral (
      select o.id from open o
      where o.satellite = touched.satellite and o.tile = touched.tile and o.sensed_at < touched.sensed_at and o.sensed_at > touched.sensed_at - interval '45 days'
        and (o.relative_orbit is not distinct from touched.relative_orbit or touched.other_orbits)
      order by o.sensed_at desc, o.id desc limit 1) before
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
