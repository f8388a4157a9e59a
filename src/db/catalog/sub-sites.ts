import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

/** What runs or waits for a site. */
export interface OpenWork {
  readonly running: number
  readonly waiting: number
}

/** Steps of sites that are open. */
export async function countOpenSteps(db: Queryable, siteIds: readonly number[]): Promise<OpenWork> {
  const { rows } = await sql<OpenWork>`
    select count(*) filter (where state = 'running')::int as running,
      count(*) filter (where state in ('blocked', 'ready'))::int as waiting
    from step where site_id = any(${siteIds}::bigint[]) and state in ('blocked', 'ready', 'running')`.execute(
    db,
  )
  return rows[0] ?? { running: 0, waiting: 0 }
}

/**
 * Gives jobs and steps of some sites to another one, whatever their state: none is lost, and running ones go on under the caps of the
 * new site. Rows are locked in the order of their ids, as all do that lock several.
 */
export async function rehomeWork(trx: Queryable, from: readonly number[], to: number): Promise<void> {
  await sql`select from step where site_id = any(${from}::bigint[]) order by id for update`.execute(trx)
  await sql`update step set site_id = ${to} where site_id = any(${from}::bigint[])`.execute(trx)
  await sql`update job set site_id = ${to} where site_id = any(${from}::bigint[])`.execute(trx)
}

/** Removes sites with their seasons, tiles and settings; their jobs and steps stay without a site. */
export async function deleteSites(trx: Queryable, ids: readonly number[]): Promise<void> {
  await sql`delete from site where id = any(${ids}::bigint[]) and parent_id is not null`.execute(trx)
  await sql`delete from site where id = any(${ids}::bigint[])`.execute(trx)
}

/** Keys of the settings that sites have rows of, by slug. */
export async function listOwnSettings(
  db: Queryable,
  siteIds: readonly number[],
): Promise<readonly { readonly siteId: number; readonly key: string; readonly value: unknown }[]> {
  return db
    .selectFrom('setting')
    .select(['site_id as siteId', 'key', 'value'])
    .where('site_id', 'in', siteIds.length > 0 ? [...siteIds] : [0])
    .orderBy('key')
    .execute()
    .then((rows) =>
      rows.flatMap(({ siteId, key, value }) => (siteId === null ? [] : [{ siteId, key, value }])),
    )
}

/** How many retention rules sites have of their own. */
export async function countRetentionRules(db: Queryable, siteId: number): Promise<number> {
  const { n } = await db
    .selectFrom('retention_rule')
    .select((e) => e.fn.countAll<number>().as('n'))
    .where('site_id', '=', siteId)
    .executeTakeFirstOrThrow()
  return n
}
