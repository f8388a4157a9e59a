import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

/** A foreign L2A product that was ingested, with what there is of its import. */
export interface ImportInput {
  readonly acquisitionId: number
  readonly tile: string
  readonly location: string
  /** The one site that has its tile enabled, of a site and its sub-sites the site; null where there are several, whose pauses and quotas must not hold each other's, or none. */
  readonly siteId: number | null
  /** Pixels of all bands, and bands. */
  readonly pixels: number
  readonly bands: number
  /** Product of this processor version that was made from it, also one that a retention rule removed since; null where there is none. */
  readonly product: string | null
  /** Step that waits or runs for it. */
  readonly openStep: number | null
}

/** Of the given acquisitions those that are present and made by another processor, oldest first. */
export async function listImportInputs(
  db: Queryable,
  identities: readonly string[],
  processorVersion: number,
): Promise<ImportInput[]> {
  const { rows } = await sql<ImportInput>`
    select a.id as "acquisitionId", a.tile, a.location, (
      select case when count(*) = 1 then min(t.site_id) end from site_tile t
      where t.satellite = a.satellite and t.tile = a.tile and t.enabled and not exists (
        select from site join site_tile above on above.site_id = site.parent_id
        where site.id = t.site_id and above.satellite = t.satellite and above.tile = t.tile and above.enabled)) as "siteId",
      (a.metadata ->> 'pixels')::float8 as pixels, (a.metadata ->> 'bands')::float8 as bands,
      (select p.name from product p
       where p.acquisition_id = a.id and p.processor = 'import_l2a' and p.processor_version = ${processorVersion} limit 1) as product,
      (select s.id from task t join step s on s.job_id = t.job_id and s.task_id = t.id
       where t.acquisition_id = a.id and s.processor = 'import_l2a' and s.state in ('blocked', 'ready', 'running') limit 1) as "openStep"
    from acquisition a
    where a.identity = any(${identities}::text[]) and a.state = 'present' and a.metadata ->> 'madeBy' is not null
    order by a.sensed_at, a.tile, a.id`.execute(db)
  return rows
}
