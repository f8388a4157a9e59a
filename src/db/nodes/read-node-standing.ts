import { prepared } from '../prepared.js'
import type { Queryable } from '../steps/queryable.js'

/** What decides whether a node may take work, apart from its machine. */
export interface NodeStanding {
  /** What the operator wants of it; active for a node that is not registered yet. */
  readonly wish: 'active' | 'paused' | 'draining'
  /** The program that the database was migrated for; null before the first one said so. */
  readonly version: string | null
  /** The newest migration applied. */
  readonly schema: string
}

const read = prepared<NodeStanding>(
  'read_node_standing',
  `select coalesce((select state::text from node where name = $1), 'active') as wish,
     (select version from migrated_for) as version, (select max(name) from migration_checksum) as schema`,
)

/** One look, for each round of a scheduler. */
export async function readNodeStanding(db: Queryable, name: string): Promise<NodeStanding> {
  const [row] = await read(db, name)
  return row ?? { wish: 'active', version: null, schema: '' }
}
