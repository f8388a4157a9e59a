import type { Queryable } from '../steps/queryable.js'

/** Sets the flag of a site; false when there is no such site. Steps of its children wait too. Schedulers are told by `tilth_pause`. */
export async function setSitePaused(db: Queryable, slug: string, paused: boolean): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('site')
    .set({ paused })
    .where('slug', '=', slug)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Sets the flag of a site's own season; false when there is none of that name. Steps of its jobs and its schedules wait. */
export async function setSeasonPaused(
  db: Queryable,
  { siteId, name }: { readonly siteId: number; readonly name: string },
  paused: boolean,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('season')
    .set({ paused })
    .where('site_id', '=', siteId)
    .where('name', '=', name)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Sets the flag of a job; false when there is no such job. */
export async function setJobPaused(db: Queryable, id: number, paused: boolean): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('job')
    .set({ paused })
    .where('id', '=', id)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}
