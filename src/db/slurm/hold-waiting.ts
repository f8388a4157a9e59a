import { sql } from 'kysely'
import type { ClaimKey, Queryable } from '../steps/queryable.js'

/** Renews the leases of claims that wait in Slurm and says on their rows what they wait for there. Those lost meanwhile stay as they are. */
export async function holdWaiting(
  db: Queryable,
  claims: readonly (ClaimKey & { readonly note: string })[],
  leaseS: number,
): Promise<void> {
  if (claims.length === 0) return
  await sql`
    update step set lease_expires_at = now() + make_interval(secs => ${leaseS}), progress_note = c.note
    from jsonb_to_recordset(${JSON.stringify(claims.map(({ id, attempt, note }) => ({ id, attempt, note })))}::jsonb)
      as c(id bigint, attempt integer, note text)
    where step.id = c.id and step.attempt = c.attempt and step.state = 'running'
      and not exists (select from slurm_load l where l.step_id = c.id and l.attempt = c.attempt and l.begun_run is not null)`.execute(
    db,
  )
}
