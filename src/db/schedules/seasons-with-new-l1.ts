import { sql } from 'kysely'
import { untriedL2a } from '../jobs/untried.js'
import type { Queryable } from '../steps/queryable.js'
import { newsOf, seasonsOfFresh, type NewsBySeason } from './seasons-of.js'

/**
 * By seasons, with their ids: within whose days (UTC) a present acquisition of an enabled tile of the site or a sub-site was sensed whose L2A is untried. One
 * query for all seasons: a look at a thousand sites costs about as much as at one.
 */
export async function seasonsWithNewL1(db: Queryable): Promise<NewsBySeason> {
  const { rows } = await sql<{ season: number; ids: readonly number[] }>`
    with fresh as materialized (
      select a.id, a.satellite, a.tile, a.sensed_at from acquisition a
      where a.state = 'present' and a.metadata ->> 'madeBy' is null and ${untriedL2a})
    ${seasonsOfFresh}`.execute(db)
  return newsOf(rows)
}
