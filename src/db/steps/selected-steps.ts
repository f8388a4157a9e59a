import { sql, type RawBuilder } from 'kysely'

/** Steps that a user names together. */
export type StepSelection =
  | { readonly step: number }
  | { readonly job: number }
  /** Those of a job that are about one tile. */
  | { readonly job: number; readonly tile: string }
  /** Those of a site and its sub-sites, of any job. */
  | { readonly siteId: number }
  /** Those of all jobs that were asked for a season. */
  | { readonly seasonId: number }
  | { readonly steps: readonly number[] }

/** The condition on `step`. */
export function selectedSteps(which: StepSelection): RawBuilder<boolean> {
  if ('steps' in which) return sql`step.id = any(${which.steps}::bigint[])`
  if ('step' in which) return sql`step.id = ${which.step}`
  if ('siteId' in which)
    return sql`step.site_id in (select member_id from site_reach where site_id = ${which.siteId})`
  if ('seasonId' in which) return sql`step.job_id in (select id from job where season_id = ${which.seasonId})`
  return 'tile' in which
    ? sql`step.job_id = ${which.job} and step.task_id in (select id from task where job_id = ${which.job} and tile = ${which.tile})`
    : sql`step.job_id = ${which.job}`
}
