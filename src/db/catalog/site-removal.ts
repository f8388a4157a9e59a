import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

/** What only the sites that go need. */
export interface ExclusiveRow {
  readonly id: number
  readonly location: string
}

/** Tiles enabled with some sites and with no other. */
const exclusiveTiles = (siteIds: readonly number[]) => sql`
  select t.satellite, t.tile from site_tile t where t.enabled and t.site_id = any(${siteIds}::bigint[])
  except select t.satellite, t.tile from site_tile t where t.enabled and t.site_id <> all(${siteIds}::bigint[])`

/** Products of tiles that no other site has enabled. */
export async function listExclusiveProducts(
  db: Queryable,
  siteIds: readonly number[],
): Promise<readonly ExclusiveRow[]> {
  const { rows } = await sql<ExclusiveRow>`
    select p.id, p.location from product p join (${exclusiveTiles(siteIds)}) x on x.satellite = p.satellite and x.tile = p.tile
    order by p.id`.execute(db)
  return rows
}

/** Acquisitions of tiles that no other site has enabled. */
export async function listExclusiveAcquisitions(
  db: Queryable,
  siteIds: readonly number[],
): Promise<readonly ExclusiveRow[]> {
  const { rows } = await sql<ExclusiveRow>`
    select a.id, a.location from acquisition a join (${exclusiveTiles(siteIds)}) x on x.satellite = a.satellite and x.tile = a.tile
    order by a.id`.execute(db)
  return rows
}

/**
 * Gives open steps of some sites to another site that has their tile enabled: it counts on them. Returns the ids of those that nobody
 * else needs, for the caller to cancel.
 */
export async function shareOpenSteps(trx: Queryable, siteIds: readonly number[]): Promise<number[]> {
  await sql`select from step where site_id = any(${siteIds}::bigint[]) and state in ('blocked', 'ready', 'running')
    order by id for update`.execute(trx)
  await sql`
    update step set site_id = heir.site_id
    from task join lateral (
      select t.site_id from site_tile t left join acquisition a on a.id = task.acquisition_id
      where t.tile = task.tile and t.enabled and t.site_id <> all(${siteIds}::bigint[])
        and (a.id is null or a.satellite = t.satellite)
      order by t.site_id limit 1) heir on true
    where task.id = step.task_id and step.site_id = any(${siteIds}::bigint[]) and step.state in ('blocked', 'ready', 'running')`.execute(
    trx,
  )
  const { rows } = await sql<{ id: number }>`
    select id from step where site_id = any(${siteIds}::bigint[]) and state in ('blocked', 'ready', 'running') order by id`.execute(
    trx,
  )
  return rows.map(({ id }) => id)
}

/** Removes the rows of products and notes their folders for deletion. */
export async function deleteProducts(trx: Queryable, ids: readonly number[], by: string): Promise<void> {
  await sql`
    with gone as (delete from product where id = any(${ids}::bigint[]) returning location)
    insert into doomed_path (location, doomed_by) select location, ${by} from gone
    on conflict (location) do nothing`.execute(trx)
}

/**
 * Removes the rows of acquisitions that no product and no superseded version names, and notes their files for deletion. Tasks forget those
 * that go, and only those. Returns how many were removed.
 */
export async function deleteAcquisitions(
  trx: Queryable,
  ids: readonly number[],
  by: string,
): Promise<number> {
  const { rows } = await sql<{ location: string }>`
    with gone as (
      delete from acquisition a where a.id = any(${ids}::bigint[])
        and not exists (select from product p where p.acquisition_id = a.id)
        and not exists (select from acquisition o where o.superseded_by = a.id and o.id <> all(${ids}::bigint[]))
      returning id, location),
    -- The foreign key is looked at when the whole statement is done.
    released as (update task set acquisition_id = null where acquisition_id in (select id from gone)),
    doomed as (
      insert into doomed_path (location, doomed_by) select location, ${by} from gone where location like 'l1:%'
      on conflict (location) do nothing)
    select location from gone`.execute(trx)
  return rows.length
}

/** Paths noted for deletion that no row names, oldest first. */
export async function listDoomedPaths(db: Queryable): Promise<readonly string[]> {
  const { rows } = await sql<{ location: string }>`
    select d.location from doomed_path d
    where not exists (select from product p where p.location = d.location)
      and not exists (select from acquisition a where a.location = d.location)
    order by d.doomed_at, d.location`.execute(db)
  return rows.map(({ location }) => location)
}

export async function forgetDoomedPath(db: Queryable, location: string): Promise<void> {
  await db.deleteFrom('doomed_path').where('location', '=', location).execute()
}
