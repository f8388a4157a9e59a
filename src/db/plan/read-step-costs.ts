import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

/** What recent steps of a processor have used, for acquisitions of one satellite. */
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
    select a.satellite, count(*)::int as samples,
      (percentile_cont(0.5) within group (order by (recent.resources ->> 'cpu_s')::float8))::float8 as "cpuS"
    from (select task_id, resources from step
          where processor = ${processor} and state = 'succeeded' and resources ? 'cpu_s' order by ended_at desc limit ${RECENT}) as recent
      join task t on t.id = recent.task_id join acquisition a on a.id = t.acquisition_id
    group by a.satellite order by a.satellite`.execute(db)
  return rows
}
