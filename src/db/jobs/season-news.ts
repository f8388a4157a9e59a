import { sql, type RawBuilder } from 'kysely'

/** What was found to be new for a season of a site: acquisitions or products. */
export interface SeasonNews {
  readonly siteId: number
  readonly season: string
  readonly ids: readonly number[]
}

/**
 * Each id with the first season that has it and with no other: who asks for what was found new for many overlapping sites gets it once. Where the first
 * does not take it, somebody else makes it already. Pure.
 */
export function firstCome<T extends SeasonNews>(news: readonly T[]): T[] {
  const given = new Set<number>()
  return news.map((one) => {
    const ids = one.ids.filter((id) => !given.has(id))
    for (const id of ids) given.add(id)
    return { ...one, ids }
  })
}

/** A table `asked` (place, site_id, season, id) of all that is new for many seasons; `place` is that in the list. */
export const askedFor = (news: readonly SeasonNews[]): RawBuilder<unknown> => {
  const rows = news.flatMap(({ siteId, season, ids }, place) =>
    ids.map((id) => ({ place, site_id: siteId, season, id })),
  )
  return sql`jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as asked(place integer, site_id bigint, season text, id bigint)`
}

/** Rows for each season, in their order. */
export function byPlace<T>(
  news: readonly SeasonNews[],
  rows: readonly (T & { readonly place: number })[],
): T[][] {
  const lists: T[][] = news.map(() => [])
  for (const row of rows) lists[row.place]?.push(row)
  return lists
}
