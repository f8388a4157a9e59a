import { sql } from 'kysely'
import { HELD, type ClaimKey, type Queryable } from './queryable.js'

export interface Heartbeat {
  readonly leaseSeconds: number
  readonly pid: number
  /** 0 to 1. */
  readonly progress: number
  readonly note: string
  readonly resources: unknown
}

/** Renews the lease of a claim and records progress. Gives what was granted and asked for meanwhile; undefined when the claim is lost. */
export async function renewLease(
  db: Queryable,
  { id, attempt }: ClaimKey,
  beat: Heartbeat,
): Promise<{ threads: number; cancelRequested: boolean } | undefined> {
  if (!(beat.progress >= 0 && beat.progress <= 1))
    throw new RangeError(`The progress of a step is from 0 to 1, found ${beat.progress}.`)
  const { rows } = await sql<{ threads: number; cancelRequested: boolean }>`
    update step set lease_expires_at = now() + make_interval(secs => ${beat.leaseSeconds}), pid = ${beat.pid},
      progress = ${beat.progress}, progress_note = ${beat.note}, resources = ${JSON.stringify(beat.resources)}::jsonb
    where id = ${id} and attempt = ${attempt} and ${sql.raw(HELD)}
    returning coalesce(threads, 1) as threads, cancel_requested as "cancelRequested"`.execute(db)
  return rows[0]
}
