import { sql } from 'kysely'
import type { ClaimKey, Queryable } from '../steps/queryable.js'

/** Running claims of a node with the process of the step and that of the scheduler that claimed it, as far as they are known. */
export async function listClaimers(
  db: Queryable,
  { executor, node }: { executor: string; node: string },
): Promise<(ClaimKey & { pid: number | null; schedulerPid: number | null })[]> {
  const { rows } = await sql<ClaimKey & { pid: number | null; schedulerPid: number | null }>`
    select step.id::float8 as id, step.attempt, step.pid, (claimed.detail ->> 'pid')::integer as "schedulerPid"
    from step left join lateral (
      select detail from step_event e
      where e.step_id = step.id and e.attempt = step.attempt and e.kind = 'claimed' order by e.id desc limit 1) claimed on true
    where step.state = 'running' and step.executor = ${executor} and step.node = ${node}`.execute(db)
  return rows
}
