import { prepared } from '../prepared.js'
import type { Queryable } from './queryable.js'

const next = prepared<{ inS: number | null }>(
  'next_retry',
  `select extract(epoch from (
     select ready_at from step where state = 'ready' and not paused and failures > 0 and executor = $1 and ready_at > now()
     order by executor, ready_at limit 1) - now())::float8 as "inS"`,
)

/** Seconds until the next step that waits for its retry is ready, by the database's clock; null when none does. */
export async function nextRetryS(db: Queryable, { executor }: { executor: string }): Promise<number | null> {
  const [row] = await next(db, executor)
  return row?.inS ?? null
}
