import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

/**
 * Memory of the largest node of a cluster, MiB, as it was told by the schedulers that hand steps to it (those have no slots of their own); null where none
 * has told. Rows of nodes on which jobs ran are left out: they have what the machine has, which Slurm need not hand out.
 */
export async function readLargestNodeMb(db: Queryable): Promise<number | null> {
  const { rows } = await sql<{ mb: number | null }>`
    select max(memory_mb)::float8 as mb from node where executor = 'slurm' and slots = 0 and memory_mb > 0`.execute(
    db,
  )
  return rows[0]?.mb ?? null
}
