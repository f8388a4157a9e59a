import type { ClaimKey, Queryable } from '../steps/queryable.js'

/** All running claims, of any executor: their staging folders are in use. */
export async function listLiveAttempts(db: Queryable): Promise<ClaimKey[]> {
  return db.selectFrom('step').select(['id', 'attempt']).where('state', '=', 'running').execute()
}

/** Locations of all products in force. */
export async function listProductLocations(db: Queryable): Promise<string[]> {
  const rows = await db.selectFrom('product').select('location').execute()
  return rows.map(({ location }) => location)
}
