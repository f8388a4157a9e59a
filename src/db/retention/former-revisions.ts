import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

/** A folder that nothing names any more. */
export interface FormerRevision {
  readonly location: string
  readonly bytes: number | null
  readonly reason: 'replaced' | 'moved' | 'removed'
  /** Its product, where there is a row still. */
  readonly product: string | null
  readonly level: string | null
  readonly processor: string | null
  readonly siteIds: readonly number[]
  /** 2 for the newest one before the revision in force, 3 for the one before it, ... */
  readonly place: number
  /** Seconds since it was left. */
  readonly ageS: number
}

/**
 * Former revisions after the given location, by location. Those that a product in force has come to name again are left out: their row
 * is history.
 */
export async function listFormerRevisions(
  db: Queryable,
  { after, limit }: { after: string; limit: number },
): Promise<FormerRevision[]> {
  const { rows } = await sql<FormerRevision>`
    select r.location, r.bytes, r.reason::text as reason, p.name as product, p.level, p.processor,
      array(select t.site_id::float8 from site_tile t where t.satellite = p.satellite and t.tile = p.tile and t.enabled) as "siteIds",
      (2 + (select count(*) from former_revision n where n.product_id = r.product_id and n.reason = 'replaced' and n.left_at > r.left_at))::int
        as place,
      extract(epoch from now() - r.left_at)::float8 as "ageS"
    from former_revision r left join product p on p.id = r.product_id
    where r.location collate "C" > ${after} and not (p.id is not null and p.removed_at is null and p.location = r.location)
    order by r.location collate "C" limit ${limit}`.execute(db)
  return rows
}

/** Forgets a folder that is gone. */
export async function forgetFormerRevision(db: Queryable, location: string): Promise<void> {
  await db.deleteFrom('former_revision').where('location', '=', location).execute()
}
