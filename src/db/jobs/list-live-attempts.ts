import { sql } from 'kysely'
import type { ClaimKey, Queryable } from '../steps/queryable.js'

/** All running claims, of any executor: their staging folders are in use. */
export async function listLiveAttempts(db: Queryable): Promise<ClaimKey[]> {
  return db.selectFrom('step').select(['id', 'attempt']).where('state', '=', 'running').execute()
}

/** Steps by id: how many attempts each has had, and when its job was made. */
export async function listStepOrigins(
  db: Queryable,
  ids: readonly number[],
): Promise<{ id: number; attempt: number; madeAt: Date }[]> {
  if (ids.length === 0) return []
  return db
    .selectFrom('step')
    .innerJoin('job', 'job.id', 'step.job_id')
    .select(['step.id', 'step.attempt', 'job.created_at as madeAt'])
    .where('step.id', 'in', ids)
    .execute()
}

/**
 * Locations that are not the sweeper's: of all products in force, and, where a retention rule keeps older revisions, of those that
 * retention has not removed yet.
 */
export async function listProductLocations(db: Queryable): Promise<string[]> {
  const { rows } = await sql<{ location: string }>`
    select location from product where removed_at is null
    union all
    select location from former_revision where reason = 'replaced'
      and exists (select from retention_rule where keep_revisions is not null)`.execute(db)
  return rows.map(({ location }) => location)
}
