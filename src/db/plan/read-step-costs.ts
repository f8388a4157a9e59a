import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

/** What recent steps of a processor have used, for tiles of one satellite. */
export interface StepCosts {
  readonly satellite: 's2' | 'landsat'
  /** How many steps were looked at. */
  readonly samples: number
  /** Median of CPU seconds. */
  readonly cpuS: number
}

/** How many of the last succeeded steps count. */
const RECENT = 200

export async function readStepCosts(db: Queryable, processor: string): Promise<readonly StepCosts[]> {
  const { rows } = await sql<StepCosts>`
    select t.satellite, count(*)::int as samples,
      (percentile_cont(0.5) within group (order by (recent.resources ->> 'cpu_s')::float8))::float8 as "cpuS"
    from (select task_id, resources from step
          where processor = ${processor} and state = 'succeeded' and resources ? 'cpu_s' order by ended_at desc limit ${RECENT}) as recent
      join lateral (select case when tile ~ '^[0-9]+$' then 'landsat' else 's2' end::satellite as satellite
        from task where id = recent.task_id and tile is not null) t on true
    group by t.satellite order by t.satellite`.execute(db)
  return rows
}
