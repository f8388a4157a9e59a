import { sql } from 'kysely'
import { pausedSites } from './paused-sites.js'
import type { Queryable } from './queryable.js'

/** What admission granted to one step. */
export interface Grant {
  readonly id: number
  readonly threads: number
  /** Live values in force with their origin, kept on the row for whoever asks why; those frozen into its job are added. */
  readonly settings: unknown
}

export interface ClaimOptions {
  readonly executor: string
  /** Host on which the step will run. */
  readonly node: string
  /** Of the claiming scheduler: stands on the row until the step process writes its own, so that a death in between is seen. */
  readonly pid: number
  readonly leaseSeconds: number
  readonly grants: readonly Grant[]
}

export interface Claim {
  readonly id: number
  readonly attempt: number
  readonly processor: string
  readonly threads: number
}

/**
 * Claims the granted steps that are still ready and marks them running. Concurrent callers never get the same step: SKIP
 * LOCKED passes over what another is taking, and the state is looked at under the lock. Lowest `priority` first, then oldest
 * `ready_at`, then `id`. Time is the database's, because clocks of hosts drift.
 */
export async function claimReadySteps(
  db: Queryable,
  { executor, node, pid, leaseSeconds, grants }: ClaimOptions,
): Promise<Claim[]> {
  if (grants.length === 0) return []
  const { rows } = await sql<Claim>`
    with granted as (
      select * from jsonb_to_recordset(${JSON.stringify(grants)}::jsonb) as g(id bigint, threads integer, settings jsonb)),
    candidate as (
      select step.id, granted.threads, granted.settings || job.settings as settings
      from step join granted on granted.id = step.id join job on job.id = step.job_id
      where step.state = 'ready' and step.executor = ${executor} and step.ready_at <= now()
        and not job.paused and (step.site_id is null or step.site_id not in ${pausedSites})
      order by step.priority, step.ready_at, step.id
      for update of step skip locked),
    claimed as (
      update step set state = 'running', attempt = step.attempt + 1, started_at = now(), ended_at = null,
        lease_expires_at = now() + make_interval(secs => ${leaseSeconds}), node = ${node}, pid = ${pid},
        threads = candidate.threads, settings = candidate.settings, progress = 0, progress_note = null, resources = '{}'
      from candidate where step.id = candidate.id
      returning step.id, step.attempt, step.processor, step.threads, step.priority),
    noted as (
      insert into step_event (step_id, attempt, kind, detail)
      select id, attempt, 'claimed', jsonb_build_object('node', ${node}::text, 'threads', threads, 'pid', ${pid}::integer) from claimed)
    select id::float8 as id, attempt, processor, threads from claimed order by priority, id`.execute(db)
  return rows
}
