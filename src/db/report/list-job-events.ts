import { sql } from 'kysely'
import type { StepState } from '../../domain/states.js'
import type { Queryable } from '../steps/queryable.js'
import { slotsOfNode } from './slots-of-node.js'

export interface ReportStep {
  readonly id: number
  readonly processor: string
  readonly tile: string | null
  readonly state: StepState
  readonly attempt: number
  readonly node: string | null
  /** Of its node, see `slotsOfNode`. */
  readonly slots: number | null
  /** What its last attempt used. */
  readonly resources: { readonly wall_s?: number; readonly cpu_s?: number; readonly max_rss_kb?: number }
  readonly predecessors: readonly number[]
}

export interface ReportEvent {
  readonly stepId: number
  readonly attempt: number
  readonly at: Date
  readonly kind: string
  readonly node: string | null
  readonly threads: number | null
  readonly code: string | null
  /** Seconds until the next attempt, after a failure that is tried again. */
  readonly delayS: number | null
  /** CPU seconds of the attempt that a failure ended. */
  readonly cpuS: number | null
}

/** Steps of a job in the order of their ids. */
export async function listReportSteps(db: Queryable, jobId: number): Promise<readonly ReportStep[]> {
  const { rows } = await sql<ReportStep>`
    select step.id, step.processor, task.tile, step.state::text as state, step.attempt, step.node, step.resources,
      ${slotsOfNode('step')} as slots,
      coalesce((select json_agg(d.predecessor_id order by d.predecessor_id) from step_dependency d where d.step_id = step.id), '[]') as predecessors
    from step join task on task.id = step.task_id where step.job_id = ${jobId} order by step.id`.execute(db)
  return rows
}

/** Events of all steps of a job, oldest first. */
export async function listReportEvents(db: Queryable, jobId: number): Promise<readonly ReportEvent[]> {
  const { rows } = await sql<ReportEvent>`
    select e.step_id as "stepId", e.attempt, e.at, e.kind, e.detail ->> 'node' as node, (e.detail ->> 'threads')::int as threads,
      e.detail ->> 'code' as code, (e.detail ->> 'delay_s')::float8 as "delayS", (e.detail -> 'resources' ->> 'cpu_s')::float8 as "cpuS"
    from step join step_history e on e.step_id = step.id where step.job_id = ${jobId} order by e.at, e.id`.execute(
    db,
  )
  return rows
}
