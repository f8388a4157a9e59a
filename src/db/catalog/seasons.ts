import type { Queryable } from '../steps/queryable.js'
import type { SeasonRow } from './sites.js'

/** A site's own seasons, by their first day. */
export async function listOwnSeasons(db: Queryable, siteId: number): Promise<readonly SeasonRow[]> {
  return db
    .selectFrom('season')
    .select(['name', 'starts_on as startsOn', 'mid_on as midOn', 'ends_on as endsOn'])
    .where('site_id', '=', siteId)
    .orderBy('starts_on')
    .orderBy('name')
    .execute()
}

/** Id of a site's own season; undefined where it has none of this name. */
export async function findSeason(db: Queryable, siteId: number, name: string): Promise<number | undefined> {
  const row = await db
    .selectFrom('season')
    .select('id')
    .where('site_id', '=', siteId)
    .where('name', '=', name)
    .executeTakeFirst()
  return row?.id
}

/** Adds a season; false when the site has one of this name. */
export async function insertSeason(db: Queryable, siteId: number, season: SeasonRow): Promise<boolean> {
  const row = await db
    .insertInto('season')
    .values({ site_id: siteId, name: season.name, ...days(season) })
    .onConflict((c) => c.columns(['site_id', 'name']).doNothing())
    .returning('id')
    .executeTakeFirst()
  return row !== undefined
}

/** Gives a season other days, or another name; false where the site has none of this name. */
export async function updateSeason(
  db: Queryable,
  siteId: number,
  name: string,
  season: SeasonRow,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('season')
    .set({ name: season.name, ...days(season) })
    .where('site_id', '=', siteId)
    .where('name', '=', name)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** False where the site has none of this name. */
export async function deleteSeason(db: Queryable, siteId: number, name: string): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('season')
    .where('site_id', '=', siteId)
    .where('name', '=', name)
    .executeTakeFirst()
  return numDeletedRows > 0n
}

const days = ({ startsOn, midOn, endsOn }: SeasonRow) => ({
  starts_on: startsOn,
  mid_on: midOn,
  ends_on: endsOn,
})
