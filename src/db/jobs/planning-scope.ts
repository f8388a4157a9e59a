import { sql, type RawBuilder } from 'kysely'

/** Names in the query of what has a satellite, a tile and a time of sensing: `a` acquisition, `p` product. */
type ScopedRow = 'a' | 'p'

const column = (row: ScopedRow, name: string): RawBuilder<unknown> => sql.ref(`${row}.${name}`)

/** The site of step `s`, as `owner`, as long as it or a sub-site of it has the row's tile enabled. */
export const joinOwner = (row: ScopedRow): RawBuilder<unknown> => sql`
  left join site owner on owner.id = s.site_id and exists (
    select from site_reach r join site_tile has on has.site_id = r.member_id
    where r.site_id = owner.id and has.satellite = ${column(row, 'satellite')} and has.tile = ${column(row, 'tile')} and has.enabled)`

/** As `home` the site whose settings count for the row: `asked.site_id` if it has the tile itself, else its first sub-site by slug that has. */
export const joinHome = (row: ScopedRow): RawBuilder<unknown> => sql`
  left join lateral (
    select s.id from site_reach r join site_tile t on t.site_id = r.member_id join site s on s.id = r.member_id
    where r.site_id = asked.site_id and t.satellite = ${column(row, 'satellite')} and t.tile = ${column(row, 'tile')} and t.enabled
    order by s.id <> r.site_id, s.slug limit 1) home on true`

/** Whether the row lies in the site and the season in force for it that `asked` names; either may be null. */
export const isAskedFor = (row: ScopedRow): RawBuilder<unknown> => sql`
  ((asked.site_id is null or home.id is not null)
  and (asked.season is null or exists (
    select from site_season n where n.site_id = asked.site_id and n.name = asked.season
      and (${column(row, 'sensed_at')} at time zone 'UTC')::date between n.starts_on and n.ends_on)))`
