import { sql } from 'kysely'
import type { ClaimKey, Queryable } from '../steps/queryable.js'

/** What must be known of a claim to ask Slurm for its place. */
export interface ClaimFacts extends ClaimKey {
  readonly processor: string
  readonly siteId: number | null
  readonly priority: number
  readonly threads: number
  /** Admitted with, MiB. */
  readonly memoryMb: number
  /** What recent steps of its processor and size class took on the wall, mean, seconds; null: none is known. */
  readonly expectedS: number | null
}

/** How many of the newest steps tell how long the next ones take. */
const RECENT = 20

/** The facts of claims that are still held, by priority, then id. */
export async function describeClaims(db: Queryable, keys: readonly ClaimKey[]): Promise<ClaimFacts[]> {
  if (keys.length === 0) return []
  const { rows } = await sql<ClaimFacts>`
    with held as (
      select step.id, step.attempt, step.processor, step.site_id, step.priority, coalesce(step.threads, 1) as threads, step.size_class,
        coalesce((step.granted ->> 'memory_mb')::float8, step.memory_mb) as memory_mb
      from jsonb_to_recordset(${JSON.stringify(keys.map(({ id, attempt }) => ({ id, attempt })))}::jsonb) as k(id bigint, attempt integer)
        join step on step.id = k.id and step.attempt = k.attempt and step.state = 'running'),
    kind as (
      select k.processor, k.size_class, recent.wall_s from (select distinct processor, size_class from held) as k cross join lateral (
        select avg((r.resources ->> 'wall_s')::float8) as wall_s from (
          select resources from step where state = 'succeeded' and processor = k.processor and size_class = k.size_class
            and size_class is not null order by ended_at desc limit ${RECENT}) as r) as recent)
    select held.id::float8 as id, held.attempt, held.processor, held.site_id::float8 as "siteId", held.priority, held.threads,
      held.memory_mb as "memoryMb", kind.wall_s as "expectedS"
    from held left join kind on kind.processor = held.processor and kind.size_class = held.size_class
    order by held.priority, held.id`.execute(db)
  return rows
}
