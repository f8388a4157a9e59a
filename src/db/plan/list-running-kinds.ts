import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

/** What running steps are like, and how far they are. */
export interface RunningKind {
  readonly id: number
  readonly processor: string
  readonly sizeClass: string | null
  /** Declared, MiB. */
  readonly diskMb: number
  /** 0..1. */
  readonly progress: number
}

export async function listRunningKinds(
  db: Queryable,
  ids: readonly number[],
): Promise<readonly RunningKind[]> {
  const { rows } = await sql<RunningKind>`
    select id::float8 as id, processor, size_class as "sizeClass", scratch_mb as "diskMb", progress::float8 as progress
    from step where id = any(${ids}::bigint[])`.execute(db)
  return rows
}
