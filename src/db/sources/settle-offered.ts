import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

/**
 * Brings the states of offered acquisitions in line with their offers: `found` while any enabled source may still give it, `broken` when all
 * that may were given up, `ignored` when every offer is left out by a filter. What is present, superseded, being fetched or was removed by a
 * retention rule stays as it is. A function of the rows as they are, whatever the order in which they came to be so.
 */
export async function settleOffered(tx: Queryable, ids: readonly number[]): Promise<void> {
  await sql`
    with held as (
      select id, state, reason_code from acquisition where id = any(${ids}::bigint[]) and (state in ('found', 'broken') or state = 'ignored' and starts_with(reason_code, 'FILTER_'))
      order by id for update),
    offer as (
      select h.id, o.refused_code, o.refused, o.given_up, o.error_code, o.error, s.name, s.place, o.id as offer
      from held h join source_offer o on o.acquisition_id = h.id join source s on s.id = o.source_id),
    verdict as (
      select id, bool_or(refused_code is null and not given_up) as is_open, bool_or(refused_code is null) as is_wanted,
        (array_agg(error_code order by place, offer) filter (where refused_code is null and given_up))[1] as broken_code,
        string_agg(name || ': ' || error, '; ' order by place, offer) filter (where refused_code is null and given_up) as broken,
        (array_agg(refused_code order by place, offer) filter (where refused_code is not null))[1] as refused_code,
        (array_agg(refused order by place, offer) filter (where refused_code is not null))[1] as refused
      from offer group by id),
    wanted as (
      select id, case when is_open then 'found' when is_wanted then 'broken' else 'ignored' end::acquisition_state as state,
        case when is_open then null when is_wanted then broken_code else refused_code end as code,
        case when is_open then null when is_wanted then broken else refused end as reason
      from verdict)
    update acquisition a set state = w.state, reason_code = w.code, reason = w.reason, updated_at = now()
    from wanted w where w.id = a.id and (a.state, a.reason_code, a.reason) is distinct from (w.state, w.code, w.reason)`.execute(
    tx,
  )
}
