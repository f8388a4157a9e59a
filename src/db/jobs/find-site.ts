import type { Queryable } from '../steps/queryable.js'

/** Id of a site by its slug, with the names of its seasons; undefined when there is none. */
export async function findSite(
  db: Queryable,
  slug: string,
): Promise<{ id: number; seasons: string[] } | undefined> {
  const site = await db.selectFrom('site').select('id').where('slug', '=', slug).executeTakeFirst()
  if (site === undefined) return undefined
  const seasons = await db
    .selectFrom('season')
    .select('name')
    .where('site_id', '=', site.id)
    .orderBy('starts_on')
    .execute()
  return { id: site.id, seasons: seasons.map(({ name }) => name) }
}
