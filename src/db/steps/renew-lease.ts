import { prepared } from '../prepared.js'
import { HELD, type ClaimKey, type Queryable } from './queryable.js'

export interface Heartbeat {
  readonly leaseSeconds: number
  readonly pid: number
  /** 0 to 1. */
  readonly progress: number
  readonly note: string
  readonly resources: unknown
}

const renew = prepared<{ threads: number; cancelRequested: boolean }>(
  'renew_lease',
  `update step set lease_expires_at = now() + make_interval(secs => $3), pid = $4, progress = $5, progress_note = $6, resources = $7::jsonb
   where id = $1 and attempt = $2 and ${HELD}
   returning coalesce(threads, 1) as threads, cancel_requested as "cancelRequested"`,
)

/** Renews the lease of a claim and records progress. Gives what was granted and asked for meanwhile; undefined when the claim is lost. */
export async function renewLease(
  db: Queryable,
  key: ClaimKey,
  beat: Heartbeat,
): Promise<{ threads: number; cancelRequested: boolean } | undefined> {
  if (!(beat.progress >= 0 && beat.progress <= 1))
    throw new RangeError(`The progress of a step is from 0 to 1, found ${beat.progress}.`)
  const { id, attempt } = key
  const { leaseSeconds, pid, progress, note, resources } = beat
  return (await renew(db, id, attempt, leaseSeconds, pid, progress, note, JSON.stringify(resources)))[0]
}
