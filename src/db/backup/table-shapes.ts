import type pg from 'pg'
import { ProcessingError } from '../../domain/errors.js'

export interface TableShape {
  readonly name: string
  readonly columns: readonly string[]
}

/** Written by the migrator on each database itself. */
const OF_THE_MIGRATOR = ['kysely_migration', 'kysely_migration_lock', 'migration_checksum']

/** All tables of the schema with their columns, each after those that its foreign keys point to. */
export async function listTableShapes(client: pg.ClientBase): Promise<readonly TableShape[]> {
  const { rows: tables } = await client.query<{ name: string; columns: string[] }>(
    `select c.relname as name, array_agg(a.attname::text order by a.attnum) as columns
     from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
     where c.relkind = 'r' and c.relnamespace = current_schema()::regnamespace and c.relname <> all($1)
     group by c.relname order by c.relname`,
    [OF_THE_MIGRATOR],
  )
  const { rows: keys } = await client.query<{ from: string; to: string }>(
    `select f.relname as "from", t.relname as "to" from pg_constraint k join pg_class f on f.oid = k.conrelid join pg_class t on t.oid = k.confrelid
     where k.contype = 'f' and f.relnamespace = current_schema()::regnamespace and f.oid <> t.oid`,
  )
  const ordered: TableShape[] = []
  let left = tables
  while (left.length > 0) {
    const free = left.filter(({ name }) =>
      keys.every((key) => key.from !== name || !left.some((table) => table.name === key.to)),
    )
    if (free.length === 0)
      throw new ProcessingError(
        'INTERNAL',
        `The foreign keys of ${left.map(({ name }) => name).join(', ')} form a circle.`,
      )
    ordered.push(...free)
    left = left.filter((table) => !free.includes(table))
  }
  return ordered
}
