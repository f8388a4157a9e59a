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

/** Locations of all products in force. */
export async function listProductLocations(db: Queryable): Promise<string[]> {
  const rows = await db.selectFrom('product').select('location').execute()
  return rows.map(({ location }) => location)
}
