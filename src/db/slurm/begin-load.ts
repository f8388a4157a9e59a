import { sql } from 'kysely'
import { isPaused } from '../steps/paused-sites.js'
import type { ClaimKey, Queryable } from '../steps/queryable.js'

/** A run of one element of an array, on a node. */
export interface ElementRun {
  readonly batchId: string
  readonly element: number
  /** How often Slurm has restarted it. */
  readonly run: number
  readonly node: string
  /** Of the process that carries. */
  readonly pid: number
  readonly leaseSeconds: number
  readonly jobId: number
}

export type Begun =
  | {
      readonly kind: 'begun'
      readonly claim: ClaimKey & { readonly processor: string; readonly threads: number }
      readonly siteId: number | null
      /** Admitted with. */
      readonly memoryMb: number
      /** Declared. */
      readonly diskMb: number
      /** The attempt that this one has taken the place of, because the element was requeued; null: none. */
      readonly replaced: number | null
    }
  /** This claim is not to be begun: its user cancelled it, or it, its job, season or site is paused. */
  | { readonly kind: 'refused'; readonly claim: ClaimKey; readonly reason: 'cancelled' | 'paused' }
  /** A later run of the element is at work: this one must end. */
  | { readonly kind: 'superseded' }
  /** Nothing is left to do. */
  | { readonly kind: 'done' }

interface Row extends ClaimKey {
  readonly place: number
  readonly begunRun: number | null
  readonly isHeld: boolean
  readonly cancelRequested: boolean
  readonly isPaused: boolean
  readonly processor: string
  readonly threads: number
  readonly siteId: number | null
  readonly memoryMb: number
  readonly diskMb: number
}

/**
 * Begins the next claim of an element, or says why not. What a former run of the element has begun is taken over under a new attempt,
 * so a former run that is cut off but alive can write nothing more. Two runs at once are told apart here: the rows are locked.
 */
export async function beginLoad(db: Queryable, run: ElementRun): Promise<Begun> {
  return db.transaction().execute(async (trx) => {
    const { rows } = await sql<Row>`
      select l.place, l.step_id::float8 as id, l.attempt, l.begun_run as "begunRun", s.processor, coalesce(s.threads, 1) as threads,
        (s.state = 'running' and s.attempt = l.attempt) as "isHeld", s.cancel_requested as "cancelRequested",
        ${isPaused('s', 'job')} as "isPaused", s.site_id::float8 as "siteId",
        coalesce((s.granted ->> 'memory_mb')::float8, s.memory_mb) as "memoryMb",
        s.scratch_mb as "diskMb"
      from slurm_load l join step s on s.id = l.step_id join job on job.id = s.job_id
      where l.batch_id = ${run.batchId} and l.element = ${run.element} order by l.place for update of l`.execute(
      trx,
    )
    if (rows.some(({ begunRun }) => begunRun !== null && begunRun > run.run)) return { kind: 'superseded' }
    const next = rows.find(({ isHeld, begunRun }) => isHeld && begunRun !== run.run)
    if (next === undefined) return { kind: 'done' }
    const claim = { id: next.id, attempt: next.attempt }
    if (next.cancelRequested) return { kind: 'refused', claim, reason: 'cancelled' }
    if (next.isPaused) return { kind: 'refused', claim, reason: 'paused' }
    const raise = next.begunRun === null ? 0 : 1
    const { rows: begun } = await sql<{ attempt: number }>`
      with former as (
        select id, attempt, node, pid, started_at from step where id = ${next.id} and attempt = ${next.attempt} and state = 'running' for update),
      taken as (
        update step set attempt = step.attempt + ${raise}, started_at = now(), node = ${run.node}, pid = ${run.pid}, progress = 0,
          progress_note = null, resources = '{}', lease_expires_at = now() + make_interval(secs => ${run.leaseSeconds})
        from former where step.id = former.id
        returning step.id, step.attempt, step.threads),
      loaded as (
        update slurm_load set attempt = taken.attempt, begun_run = ${run.run} from taken
        where batch_id = ${run.batchId} and element = ${run.element} and place = ${next.place}),
      told as (
        insert into step_event (step_id, attempt, kind, detail)
        select id, attempt, 'released', jsonb_build_object('reason', 'Slurm has requeued its job', 'node', node, 'pid', pid,
          'duration_s', round(extract(epoch from now() - started_at), 3)) from former where ${raise} = 1
        union all
        select id, attempt, case when ${raise} = 1 then 'claimed' else 'begun' end, jsonb_build_object('node', ${run.node}::text,
          'threads', threads, 'pid', ${run.pid}::integer, 'slurm_job', ${`${run.jobId}_${run.element}`}::text) from taken)
      select attempt from taken`.execute(trx)
    const [row] = begun
    // Lost between the two looks: asked again, the next claim is found.
    if (row === undefined) return { kind: 'refused', claim, reason: 'paused' }
    const { processor, threads, siteId, memoryMb, diskMb } = next
    return {
      kind: 'begun',
      claim: { id: next.id, attempt: row.attempt, processor, threads },
      siteId,
      memoryMb,
      diskMb,
      replaced: raise === 1 ? next.attempt : null,
    }
  })
}
