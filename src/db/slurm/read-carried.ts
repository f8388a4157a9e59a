import { prepared } from '../prepared.js'
import type { ClaimKey, Queryable } from '../steps/queryable.js'

const read = prepared<{ threads: number; cancelRequested: boolean }>(
  'read_carried',
  `select coalesce(threads, 1) as threads, cancel_requested as "cancelRequested" from step
   where id = $1 and attempt = $2 and state = 'running'`,
)

/** What is granted to and asked of a running claim now; undefined when it is lost. */
export async function readCarried(
  db: Queryable,
  { id, attempt }: ClaimKey,
): Promise<{ threads: number; cancelRequested: boolean } | undefined> {
  return (await read(db, id, attempt))[0]
}
