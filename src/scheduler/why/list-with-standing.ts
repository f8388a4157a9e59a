import { getSite } from '../../catalog/sites.js'
import type { Queryable } from '../../db/steps/queryable.js'
import { listStandings, type StandingFilter, type StandingRow } from '../../db/why/list-standings.js'
import { standingOf, type Standing } from './why-acquisition.js'

/** Acquisitions, oldest sensing first, each with where it stands. Throws NOT_FOUND for the site. */
export async function listWithStanding(
  db: Queryable,
  { site, ...filter }: Omit<StandingFilter, 'siteId'> & { readonly site?: string },
): Promise<readonly (StandingRow & { readonly standing: Standing })[]> {
  const siteId = site === undefined ? {} : { siteId: (await getSite(db, site)).id }
  const rows = await listStandings(db, { ...filter, ...siteId })
  return rows.map((row) => ({ ...row, standing: standingOf(row) }))
}
