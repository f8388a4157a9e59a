import type { ClaimKey, Queryable } from '../steps/queryable.js'

/** All running claims, of any executor: their staging folders are in use. */
export async function listLiveAttempts(db: Queryable): Promise<ClaimKey[]> {
  return db.selectFrom('step').select(['id', 'attempt']).where('state', '=', 'running').execute()
}
