import { sql } from 'kysely'
import type { Queryable } from '../steps/queryable.js'

/** Writes what the operator wants of a node; false when there is none of this name. Schedulers are told by `tilth_pause`. */
export async function setNodeState(
  db: Queryable,
  name: string,
  state: 'active' | 'paused' | 'draining',
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('node')
    .set({ state })
    .where('name', '=', name)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Sets labels and removes those that are null; false when there is no such node. */
export async function setNodeLabels(
  db: Queryable,
  name: string,
  labels: Readonly<Record<string, string | null>>,
): Promise<boolean> {
  const { rows } =
    await sql`update node set labels = jsonb_strip_nulls(labels || ${JSON.stringify(labels)}::jsonb) where name = ${name} returning name`.execute(
      db,
    )
  return rows.length > 0
}

/** Deletes the row of a node that is gone and runs nothing; false, and nothing deleted, otherwise. */
export async function forgetNode(db: Queryable, name: string): Promise<boolean> {
  const { rows } = await sql`
    delete from node where name = ${name}
      and (left_at is not null or last_seen_at < now() - make_interval(secs => 3 * heartbeat_s))
      and not exists (select from step where step.node = node.name and step.state = 'running')
    returning name`.execute(db)
  return rows.length > 0
}
