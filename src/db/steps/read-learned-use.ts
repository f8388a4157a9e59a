import { sql } from 'kysely'
import type { Queryable } from './queryable.js'

/** What recent succeeded steps of one processor and size class have used. */
export interface LearnedUse {
  /** How many of them were looked at. */
  readonly steps: number
  /** The quantile of their peaks of resident memory, KiB. */
  readonly peakKb: number
  /** Of the most that their files took, MiB; null where none was seen. */
  readonly diskMb: number | null
  /** Of their I/O weight: threads that waited for storage on average or, where it says more, bytes moved over what one such thread moves; null where no storage was touched. */
  readonly ioWeight: number | null
  /** Of the threads that they kept busy on average: CPU time over wall time. */
  readonly busyThreads: number | null
  /** Mean slot time, s: wall time or, with several threads, CPU time where that is more. */
  readonly slotS: number
}

/** How many of the newest count: the code and the inputs of last year say little. */
const RECENT = 50

export interface LearnHow {
  /** `resources.quantile`. */
  readonly quantile: number
  /** `resources.io_mb_s`. */
  readonly ioMbPerS: number
}

/**
 * The use of each processor and size class named, by `processor size_class`. Steps that ran with smaller blocks do not count: those to
 * come run with whole ones. Reads at most 50 rows a key, along an index.
 */
export async function readLearnedUse(
  db: Queryable,
  keys: readonly { readonly processor: string; readonly sizeClass: string }[],
  { quantile, ioMbPerS }: LearnHow,
): Promise<ReadonlyMap<string, LearnedUse>> {
  if (keys.length === 0) return new Map()
  const { rows } = await sql<LearnedUse & { processor: string; size_class: string }>`
    select k.processor, k.size_class, used.steps, used.peak as "peakKb", used.disk as "diskMb", used.io as "ioWeight", used.busy as "busyThreads", used.slot_s as "slotS"
    from jsonb_to_recordset(${JSON.stringify(keys.map(({ processor, sizeClass }) => ({ processor, size_class: sizeClass })))}::jsonb)
        as k(processor text, size_class text)
      cross join lateral (
        select count(*)::int as steps,
          percentile_disc(${quantile}::float8) within group (order by peak) as peak,
          percentile_disc(${quantile}::float8) within group (order by nullif(disk, 0)) as disk,
          percentile_disc(${quantile}::float8) within group (order by nullif(greatest(waited_s, bytes / (${ioMbPerS}::float8 * 1e6)) / wall_s, 0)) as io,
          percentile_disc(${quantile}::float8) within group (order by cpu_s / wall_s) as busy,
          avg(greatest(wall_s, cpu_s)) as slot_s
        from (
          select (resources ->> 'max_rss_kb')::float8 as peak, (resources ->> 'disk_mb')::float8 as disk, (resources ->> 'io_wait_s')::float8 as waited_s,
            (resources ->> 'read_bytes')::float8 + (resources ->> 'written_bytes')::float8 as bytes,
            (resources ->> 'cpu_s')::float8 as cpu_s, nullif((resources ->> 'wall_s')::float8, 0) as wall_s
          from step
          where state = 'succeeded' and processor = k.processor and size_class = k.size_class
            and block_shrink = 0 and (resources ->> 'max_rss_kb')::float8 > 0
          order by ended_at desc limit ${RECENT}) as recent) as used
    where used.steps > 0`.execute(db)
  return new Map(rows.map(({ processor, size_class, ...use }) => [`${processor} ${size_class}`, use]))
}
