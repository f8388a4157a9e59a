import { sql } from 'kysely'
import type { StepState } from '../../domain/states.js'
import { HOLDS_BACK, type Queryable } from './queryable.js'

/** What keeps a step from being looked at for a start at all. */
export interface StepObstacles {
  /** Predecessors that have not succeeded or, where their end suffices, not ended; by id. `isOfChain`: the date before in the chain. */
  readonly predecessors: readonly {
    readonly id: number
    readonly state: StepState
    readonly isOfChain: boolean
  }[]
  readonly isPaused: boolean
  readonly isJobPaused: boolean
  /** The season of its job, where that is paused. */
  readonly pausedSeason: string | null
  /** Slugs of the step's site and its ancestors that are paused, in no order. */
  readonly pausedSites: readonly string[]
  /** Seconds until `ready_at`, by the database's clock; <= 0 when it has come. */
  readonly readyInS: number
}

/** Undefined where there is no such step. */
export async function readObstacles(db: Queryable, stepId: number): Promise<StepObstacles | undefined> {
  const { rows } = await sql<StepObstacles>`
    with recursive lineage as (
      select site.id, site.slug, site.paused, site.parent_id from site join step on step.site_id = site.id where step.id = ${stepId}
      union
      select parent.id, parent.slug, parent.paused, parent.parent_id from site parent join lineage on lineage.parent_id = parent.id)
    select step.paused as "isPaused", job.paused as "isJobPaused",
      (select season.name from season where season.id = job.season_id and season.paused) as "pausedSeason", extract(epoch from step.ready_at - now())::float8 as "readyInS",
      coalesce((select json_agg(slug) from lineage where paused), '[]') as "pausedSites",
      coalesce((select json_agg(json_build_object('id', p.id, 'state', p.state, 'isOfChain', d.end_suffices) order by p.id)
        from step_dependency d join step p on p.id = d.predecessor_id
        where d.step_id = step.id and ${sql.raw(HOLDS_BACK)}), '[]') as predecessors
    from step join job on job.id = step.job_id where step.id = ${stepId}`.execute(db)
  return rows[0]
}
