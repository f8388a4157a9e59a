import { sql } from 'kysely'
import { untriedL2a } from '../jobs/untried.js'
import type { Queryable } from '../steps/queryable.js'
import { seasonsOfFresh } from './seasons-of.js'

/**
 * Ids of the seasons within whose days (UTC) a present acquisition of an enabled tile of the site or a sub-site was sensed whose L2A is untried. One
 * query for all seasons: a look at a thousand sites costs about as much as at one.
 */
export async function seasonsWithNewL1(db: Queryable): Promise<Set<number>> {
  const { rows } = await sql<{ id: number }>`
    with fresh as materialized (
      select a.satellite, a.tile, a.sensed_at from acquisition a
      where a.state = 'present' and a.metadata ->> 'madeBy' is null and ${untriedL2a})
    ${seasonsOfFresh}`.execute(db)
  return new Set(rows.map(({ id }) => id))
}
