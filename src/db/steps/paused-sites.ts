import { sql, type RawBuilder } from 'kysely'

/** Ids of sites that are paused, by their own flag or an ancestor's. `union`, not `union all`: a loop of parents ends too. */
export const pausedSites: RawBuilder<{ id: string }> = sql`
  (with recursive paused_site as (
     select id from site where paused
     union
     select child.id from site child join paused_site on child.parent_id = paused_site.id)
   select id from paused_site)`
