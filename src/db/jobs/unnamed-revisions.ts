import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

/**
 * Locations of folders that may be removed now, in their order, at most `limit` behind `after`: placed by an attempt that does not run, or
 * replaced by a newer revision longer ago than the grace time, by the clock of the database. Never one that a product names, and no
 * replaced one where a retention rule says how many revisions are kept: that is for `tilth retention`.
 */
export async function listUnnamedRevisions(
  db: Queryable,
  { graceS, after, limit }: { graceS: number; after: string; limit: number },
): Promise<string[]> {
  const { rows } = await sql<{ location: string }>`
    select location from (
      select location from placement
      where not exists (select from step
        where step.id = placement.step_id and step.attempt = placement.attempt and step.state = 'running')
      union all
      select location from former_revision
      where reason = 'replaced' and left_at < now() - make_interval(secs => ${graceS})
        and not exists (select from retention_rule where keep_revisions is not null)) as unnamed
    where location > ${after} and location like 'archive:%'
      and not exists (select from product where product.location = unnamed.location)
    order by location limit ${limit}`.execute(db)
  return rows.map(({ location }) => location)
}

/**
 * Forgets folders that were removed; those that were being placed only when they were noted longer ago than the grace time. Until then
 * they are looked for again: a process that was cut off and woke up late may still place what it had noted.
 */
export async function forgetUnnamedRevisions(
  db: Queryable,
  { graceS, locations }: { graceS: number; locations: readonly string[] },
): Promise<void> {
  await sql`
    with replaced as (delete from former_revision where location = any(${locations}::text[]) and reason = 'replaced')
    delete from placement
    where location = any(${locations}::text[]) and noted_at < now() - make_interval(secs => ${graceS})`.execute(
    db,
  )
}
