import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

/** Nodes of a cluster that get no further jobs: paused or draining by their operator, or found unfit within the last `faultS` seconds. */
export async function listShunnedNodes(
  db: Queryable,
  { executor, faultS }: { executor: string; faultS: number },
): Promise<{ name: string; reason: string }[]> {
  const { rows } = await sql<{ name: string; reason: string }>`
    select name, case when state <> 'active' then 'it is ' || state else fault end as reason from node
    where executor = ${executor} and slots > 0
      and (state <> 'active' or (fault is not null and last_seen_at > now() - make_interval(secs => ${faultS})))
    order by name`.execute(db)
  return rows
}
