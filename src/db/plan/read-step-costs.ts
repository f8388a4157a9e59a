import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

/** What recent steps of one processor have used, of one version where there are any. */
export interface StepCosts {
  readonly processor: string
  /** How many steps were looked at. */
  readonly samples: number
  readonly isOfVersion: boolean
}

/** Of steps whose inputs are of one size. */
export interface KindCosts extends StepCosts {
  readonly sizeClass: string
  /** Median of CPU seconds. */
  readonly cpuS: number
}

/** Of steps of all sizes. */
export interface ProcessorCosts extends StepCosts {
  /** Median of CPU seconds for each MiB of files that they declared: that grows with their pixels and layers. */
  readonly cpuSPerMb: number
}

/** How many of the last succeeded steps count. */
const RECENT = 200

/** Median of a number of the steps of the version, else of all; `samples` and `isOfVersion` say which. */
const medianOf = (number: string) =>
  sql.raw(`
  coalesce(percentile_cont(0.5) within group (order by ${number}) filter (where is_of_version),
    percentile_cont(0.5) within group (order by ${number}))::float8`)
const WHICH = sql`case when bool_or(is_of_version) then count(*) filter (where is_of_version) else count(*) end::int as samples,
  coalesce(bool_or(is_of_version), false) as "isOfVersion"`

/** Steps that ran with smaller blocks do not count. Reads at most 200 rows a kind, along an index. */
export async function readKindCosts(
  db: Queryable,
  kinds: readonly { readonly processor: string; readonly sizeClass: string; readonly version: number }[],
): Promise<readonly KindCosts[]> {
  if (kinds.length === 0) return []
  const { rows } = await sql<KindCosts>`
    select k.processor, k."sizeClass", used.samples, used."isOfVersion", used."cpuS"
    from jsonb_to_recordset(${JSON.stringify(kinds)}::jsonb) as k(processor text, "sizeClass" text, version text)
      cross join lateral (
        select ${WHICH}, ${medianOf('cpu_s')} as "cpuS" from (
          select (step.resources ->> 'cpu_s')::float8 as cpu_s, job.params ->> 'version' = k.version as is_of_version
          from step join job on job.id = step.job_id
          where step.state = 'succeeded' and step.processor = k.processor and step.size_class = k."sizeClass"
            and step.block_shrink = 0 and step.resources ? 'cpu_s'
          order by step.ended_at desc limit ${RECENT}) as recent) as used
    where used.samples > 0`.execute(db)
  return rows
}

/** The same of steps of any size: for kinds of which none has succeeded. */
export async function readProcessorCosts(
  db: Queryable,
  processors: readonly { readonly processor: string; readonly version: number }[],
): Promise<readonly ProcessorCosts[]> {
  if (processors.length === 0) return []
  const { rows } = await sql<ProcessorCosts>`
    select k.processor, used.samples, used."isOfVersion", used."cpuSPerMb"
    from jsonb_to_recordset(${JSON.stringify(processors)}::jsonb) as k(processor text, version text)
      cross join lateral (
        select ${WHICH}, ${medianOf('cpu_s / scratch_mb')} as "cpuSPerMb" from (
          select (step.resources ->> 'cpu_s')::float8 as cpu_s, step.scratch_mb, job.params ->> 'version' = k.version as is_of_version
          from step join job on job.id = step.job_id
          where step.state = 'succeeded' and step.processor = k.processor and step.scratch_mb > 0
            and step.block_shrink = 0 and step.resources ? 'cpu_s'
          order by step.ended_at desc limit ${RECENT}) as recent) as used
    where used.samples > 0`.execute(db)
  return rows
}
