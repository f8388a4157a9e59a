import { sql } from 'kysely'
import { NOTHING_TO_CORRECT } from '../../domain/nothing-to-correct.js'
import type { Queryable } from '../steps/queryable.js'

/** An acquisition in a window whose L2A in force is not there. */
export interface MissingL2a {
  readonly acquisitionId: number
  readonly satellite: 's2' | 'landsat'
  readonly tile: string | null
  /** Of sensing, UTC, YYYY-MM-DD. */
  readonly day: string | null
  /** It may still come by itself: being fetched, or its step waits or runs or will be made. */
  readonly isPending: boolean
  readonly why: string
}

/** Beside an acquisition `a`: its best L2A (`made`), its last step that did not give way to a newer version (`last`), and whether that L2A may still come, why it is not there, and whether it was looked at and has nothing to correct (`verdict`). */
export const L2A_OF_ACQUISITION = sql`
  left join lateral (
    select p.id, p.stale_since, p.removed_reason from product p where p.acquisition_id = a.id and p.level = 'L2A'
    order by p.removed_at nulls first, p.stale_since nulls first limit 1) made on true
  left join lateral (
    select s.id, s.state, s.error_code, j.created_at from task t join job j on j.id = t.job_id join step s on s.job_id = t.job_id and s.task_id = t.id
    where t.acquisition_id = a.id and s.processor in ('l2a', 'import_l2a') and s.error_code is distinct from 'SUPERSEDED'
    order by s.id desc limit 1) last on true
  cross join lateral (
    select case
        when a.state in ('found', 'fetching') then true
        when a.state = 'broken' then false
        when last.state in ('blocked', 'ready', 'running') then true
        when made.removed_reason is not null then false
        when last.state is null or last.created_at < made.stale_since then true
        else false end as pending,
      coalesce(last.state = 'failed' and last.error_code = any(${[...NOTHING_TO_CORRECT]}::text[]), false) as is_empty,
      case
        when a.state = 'found' then 'is found, not fetched'
        when a.state = 'fetching' then 'is being fetched'
        when a.state = 'broken' then 'is broken: ' || coalesce(a.reason_code, '') || coalesce(' ' || a.reason, '')
        when last.state in ('blocked', 'ready', 'running') then 'waits for step ' || last.id || ' (' || last.state || ')'
        when made.removed_reason is not null then 'had L2A that was removed: ' || made.removed_reason
        when last.state is null then 'is not corrected yet'
        when last.created_at < made.stale_since then 'has L2A that is stale'
        else 'has no L2A: step ' || last.id || ' ' || last.state || coalesce(' with ' || last.error_code, '') end as why) verdict`

/**
 * What a consumer of L2A lacks in the days `from` to `to` (sensed, UTC, both included), on the enabled tiles of a site and its sub-sites. Ignored and
 * superseded acquisitions lack nothing, nor do those that were looked at and have nothing to correct. Oldest first.
 */
export async function listMissingL2a(
  db: Queryable,
  { siteId, from, to }: { readonly siteId: number; readonly from: string; readonly to: string },
): Promise<MissingL2a[]> {
  const { rows } = await sql<MissingL2a>`
    select a.id as "acquisitionId", a.satellite, a.tile, to_char(a.sensed_at at time zone 'UTC', 'YYYY-MM-DD') as day, verdict.pending as "isPending",
      verdict.why
    from acquisition a
    ${L2A_OF_ACQUISITION}
    where a.state in ('found', 'fetching', 'present', 'broken')
      and (made.id is null and not verdict.is_empty or made.stale_since is not null or made.removed_reason is not null)
      and a.sensed_at >= ${from}::date::timestamp at time zone 'UTC' and a.sensed_at < (${to}::date + 1)::timestamp at time zone 'UTC'
      and exists (
        select from site_reach r join site_tile t on t.site_id = r.member_id
        where r.site_id = ${siteId} and t.satellite = a.satellite and t.tile = a.tile and t.enabled)
    order by a.sensed_at, a.tile, a.id`.execute(db)
  return rows
}
