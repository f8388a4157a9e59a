import { sql } from 'kysely'
import type { StepState } from '../../domain/states.js'
import { HOLDS_BACK, type Queryable } from '../steps/queryable.js'

/** A step at the far end of a chain of waiting. */
export interface RootObstacle {
  readonly id: number
  readonly state: StepState
  readonly processor: string
}

/** Steps, direct predecessors or further back, that a blocked step waits for and that do not wait for a predecessor themselves; by id. */
export async function listRootObstacles(
  db: Queryable,
  stepId: number,
  limit: number,
): Promise<readonly RootObstacle[]> {
  const { rows } = await sql<RootObstacle>`
    with recursive behind as (
      select ${stepId}::bigint as id
      union
      select d.predecessor_id from behind join step_dependency d on d.step_id = behind.id
        join step p on p.id = d.predecessor_id and ${sql.raw(HOLDS_BACK)})
    select step.id, step.state::text as state, step.processor from behind join step on step.id = behind.id
    where step.state <> 'blocked' and step.id <> ${stepId} order by step.id limit ${limit}`.execute(db)
  return rows
}
