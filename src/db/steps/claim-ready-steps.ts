import { prepared } from '../prepared.js'
import type { Queryable } from './queryable.js'

/** What admission granted to one step. */
export interface Grant {
  readonly id: number
  readonly threads: number
  /** Of the live settings in force (`SettingSnapshots`), for whoever asks why. */
  readonly settingsId: number
  /** What it is admitted with, kept on the row; default nothing: as declared. */
  readonly granted?: unknown
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

const claim = prepared<Claim>(
  'claim_steps',
  `with claimed as (
     update step set state = 'running', attempt = step.attempt + 1, started_at = now(), ended_at = null,
       lease_expires_at = now() + make_interval(secs => $4), node = $2, pid = $3,
       threads = g.threads, settings_id = g.settings_id, granted = coalesce($7::jsonb -> g.place, '{}'), progress = 0, progress_note = null, resources = '{}'
     from unnest((select $5::bigint[]), (select $6::int[]), (select $8::int[]), (select $9::bigint[])) as g(id, threads, place, settings_id), job
     where step.id = g.id and job.id = step.job_id
       and step.state = 'ready' and not step.paused and step.executor = $1 and step.ready_at <= now() and not job.paused
     returning step.id, step.attempt, step.processor, step.threads, step.priority),
   noted as (
     insert into step_event (step_id, attempt, kind, detail)
     select id, attempt, 'claimed', jsonb_build_object('node', $2::text, 'threads', threads, 'pid', $3::integer) from claimed)
   select id, attempt, processor, threads from claimed order by priority, id`,
)

/**
 * Claims the granted steps that are still ready and marks them running. Concurrent callers never get the same step: the second waits
 * for the first and then finds another state. All take rows in the order of ids, so that none waits for another in a circle.
 * Returns the claims by priority, then id. Time is the database's, because clocks of hosts drift.
 */
export async function claimReadySteps(
  db: Queryable,
  { executor, node, pid, leaseSeconds, grants }: ClaimOptions,
): Promise<Claim[]> {
  if (grants.length === 0) return []
  const ordered = [...grants].sort((a, b) => a.id - b.id)
  // Most grants of a round are admitted with the same; each text is sent once.
  const texts = new Map<string, number>()
  const indexes = ordered.map(({ granted = {} }) => {
    const text = JSON.stringify(granted)
    const index = texts.get(text) ?? texts.size
    texts.set(text, index)
    return index
  })
  return claim(
    db,
    ...[executor, node, pid, leaseSeconds],
    ordered.map(({ id }) => id),
    ordered.map(({ threads }) => threads),
    `[${[...texts.keys()].join(',')}]`,
    indexes,
    ordered.map(({ settingsId }) => settingsId),
  )
}
