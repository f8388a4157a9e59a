import { sql } from 'kysely'
import type { FailureClass } from '../../domain/errors.js'
import type { StepState } from '../../domain/states.js'
import type { Queryable } from '../steps/queryable.js'

export interface StepRow {
  readonly id: number
  readonly job_id: number
  readonly processor: string
  readonly site: string | null
  readonly tile: string | null
  readonly acquisition_id: number | null
  readonly product_uri: string | null
  readonly state: StepState
  readonly attempt: number
  readonly failures: number
  readonly executor: string
  readonly priority: number
  readonly ready_at: Date
  readonly started_at: Date | null
  readonly ended_at: Date | null
  readonly lease_expires_at: Date | null
  readonly cancel_requested: boolean
  /** By itself; a pause of its job, season or site is not in it. */
  readonly paused: boolean
  readonly node: string | null
  readonly pid: number | null
  readonly threads: number | null
  readonly memory_mb: number
  readonly progress: number
  readonly progress_note: string | null
  readonly error_code: string | null
  readonly error_message: string | null
  readonly error_class: FailureClass | null
  readonly params: unknown
  readonly settings: unknown
  /** What it was admitted with at its last claim; empty before. */
  readonly granted: {
    readonly memory_mb?: number
    readonly disk_mb?: number
    readonly io_weight?: number
    readonly cpu?: number
    readonly memory_from?: string
  }
  /** Declared, as are the next two. */
  readonly scratch_mb: number
  readonly io_weight: number
  readonly cpu: number
  readonly block_shrink: number
  readonly resources: {
    readonly wall_s?: number
    readonly cpu_s?: number
    readonly max_rss_kb?: number
    readonly read_bytes?: number
    readonly written_bytes?: number
    readonly io_wait_s?: number | null
    readonly disk_mb?: number
  }
}

export interface StepFilter {
  readonly ids?: readonly number[]
  readonly job?: number
  readonly states?: readonly string[]
  readonly site?: string
  readonly tile?: string
  readonly limit: number
}

/** Steps in the order of their ids; all given conditions hold. */
export async function listSteps(db: Queryable, filter: StepFilter): Promise<StepRow[]> {
  const { ids = null, job = null, states = null, site = null, tile = null, limit } = filter
  const { rows } = await sql<StepRow>`
    select step.id, step.job_id, step.processor, site.slug as site, task.tile, task.acquisition_id, acquisition.product_uri,
      step.state::text as state, step.attempt, step.failures, step.executor, step.priority, step.ready_at, step.started_at,
      step.ended_at, step.lease_expires_at, step.cancel_requested, step.paused, step.node, step.pid, step.threads, step.memory_mb,
      step.progress, step.progress_note, step.error_code, step.error_message, step.error_class::text as error_class,
      step.params, coalesce(settings_of(step), '{}') as settings, step.granted, step.scratch_mb, step.io_weight, step.cpu, step.block_shrink, step.resources
    from step join task on task.id = step.task_id left join site on site.id = step.site_id
      left join acquisition on acquisition.id = task.acquisition_id
    where (${ids}::bigint[] is null or step.id = any(${ids})) and (${job}::bigint is null or step.job_id = ${job})
      and (${states}::step_state[] is null or step.state = any(${states}::step_state[]))
      and (${site}::text is null or site.slug = ${site}) and (${tile}::text is null or task.tile = ${tile})
    order by step.id limit ${limit}`.execute(db)
  return rows
}

export interface StepEventRow {
  readonly at: Date
  readonly attempt: number
  readonly kind: string
  readonly detail: unknown
}

/** History of a step, oldest first. */
export async function listStepEvents(db: Queryable, stepId: number): Promise<StepEventRow[]> {
  const { rows } = await sql<StepEventRow>`
    select at, attempt, kind, detail from step_history where step_id = ${stepId} order by id`.execute(db)
  return rows
}

/** Products that a step has published and that are in force. */
export async function listProductsOfStep(
  db: Queryable,
  stepId: number,
): Promise<{ id: number; name: string; location: string }[]> {
  return db
    .selectFrom('product')
    .select(['id', 'name', 'location'])
    .where('step_id', '=', stepId)
    .orderBy('name')
    .execute()
}
