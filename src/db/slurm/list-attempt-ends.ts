import { sql } from 'kysely'
import type { ClaimKey, Queryable } from '../steps/queryable.js'

/** How attempts ended, by their own word: the kind of their last event. */
export async function listAttemptEnds(
  db: Queryable,
  keys: readonly ClaimKey[],
): Promise<(ClaimKey & { kind: string })[]> {
  if (keys.length === 0) return []
  const { rows } = await sql<ClaimKey & { kind: string }>`
    select k.id::float8 as id, k.attempt, last.kind
    from jsonb_to_recordset(${JSON.stringify(keys.map(({ id, attempt }) => ({ id, attempt })))}::jsonb) as k(id bigint, attempt integer)
      cross join lateral (
        select kind from step_history e where e.step_id = k.id and e.attempt = k.attempt order by e.id desc limit 1) as last`.execute(
    db,
  )
  return rows
}
