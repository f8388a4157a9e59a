import { sql, type RawBuilder } from 'kysely'

/** Ids of sites that are paused, by their own flag or an ancestor's. `union`, not `union all`: a loop of parents ends too. */
export const pausedSites: RawBuilder<{ id: string }> = sql`
  (with recursive paused_site as (
     select id from site where paused
     union
     select child.id from site child join paused_site on child.parent_id = paused_site.id)
   select id from paused_site)`

/** The condition that a step is held by a pause: its own, or that of its job, of the season for which that was asked, or of its site or an ancestor. */
export const isPaused = (step: 'step' | 's' | 'p', job: 'job' | 'sj'): RawBuilder<boolean> => sql`(
  ${sql.ref(step)}.paused or ${sql.ref(job)}.paused or coalesce(${sql.ref(step)}.site_id in ${pausedSites}, false)
  or exists (select from season where season.id = ${sql.ref(job)}.season_id and season.paused))`
