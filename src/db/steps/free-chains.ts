import { sql } from 'kysely'
import { notifySchedulers } from './notify-schedulers.js'
import { isPaused, pausedSites } from './paused-sites.js'
import { HOLDS_BACK, type Queryable } from './queryable.js'

/**
 * Lets dates go on that wait for an earlier date of their chain which is paused while they are not: a tile belongs to several sites, and a pause of
 * one must not hold another. What the earlier date brings later makes them stale. Returns how many may start.
 */
export async function freeChains(db: Queryable): Promise<number> {
  if (!(await isAnythingPaused(db))) return 0
  return db.transaction().execute(async (trx) => {
    const { rows: freed } = await sql<{ id: number }>`
      with held as (
        select d.step_id, d.predecessor_id
        from (
          select id from step where paused and state in ('blocked', 'ready')
          union select id from step where site_id in ${pausedSites} and state in ('blocked', 'ready')
          union select step.id from job join step on step.job_id = job.id and step.state in ('blocked', 'ready')
            where job.state = 'active' and (job.paused or job.season_id in (select id from season where paused))) as candidate
        join step p on p.id = candidate.id join job on job.id = p.job_id
        join step_dependency d on d.predecessor_id = p.id and d.end_suffices
        join step s on s.id = d.step_id and s.state = 'blocked' join job sj on sj.id = s.job_id
        where job.state = 'active' and ${isPaused('p', 'job')} and not ${isPaused('s', 'sj')}),
      gone as (
        delete from step_dependency d using held where d.step_id = held.step_id and d.predecessor_id = held.predecessor_id returning d.step_id)
      select distinct step_id as id from gone`.execute(trx)
    if (freed.length === 0) return 0
    const ids = freed.map(({ id }) => id)
    // A predecessor that ends at this moment waits for this commit, or is seen as ended by the next statement: otherwise each could leave the step to the other.
    await sql`
      select from step where id in (select predecessor_id from step_dependency where step_id = any(${ids}::bigint[]))
        and state in ('blocked', 'ready', 'running') order by id for share`.execute(trx)
    // By a statement of its own: it has to see that the edges are gone.
    const { rows } = await sql`
      with moved as (
        update step set state = 'ready', ready_at = now()
        where id = any(${ids}::bigint[]) and state = 'blocked' and not exists (
          select from step_dependency d join step p on p.id = d.predecessor_id
          where d.step_id = step.id and ${sql.raw(HOLDS_BACK)})
        returning id, attempt)
      insert into step_event (step_id, attempt, kind, detail)
      select id, attempt, 'unblocked', '{"reason": "an earlier date of its chain is paused"}' from moved returning step_id`.execute(
      trx,
    )
    if (rows.length > 0) await notifySchedulers(trx)
    return rows.length
  })
}

/** Cheap, whatever the length of the queue: mostly nothing is. */
async function isAnythingPaused(db: Queryable): Promise<boolean> {
  const { rows } = await sql<{ paused: boolean }>`
    select exists (select from site where paused) or exists (select from season where paused)
      or exists (select from job where state = 'active' and paused)
      or exists (select from step where paused and state in ('blocked', 'ready')) as paused`.execute(db)
  return rows[0]?.paused === true
}
