import type pg from 'pg'
import { copyOut } from './copy-stream.js'
import { encodeLine, encodePiece, FORMAT_VERSION, TableSum, type BackupHeader } from './backup-format.js'
import { listTableShapes } from './table-shapes.js'

export interface DumpedTable {
  readonly name: string
  readonly rows: number
  readonly bytes: number
}

/**
 * The whole database as the bytes of a backup before compression. All tables are read in one snapshot (repeatable read), so the backup
 * is consistent while steps run; writers are not hindered. Returns what it wrote.
 */
export async function* dumpDatabase(
  pool: pg.Pool,
  program: string,
): AsyncGenerator<Buffer, readonly DumpedTable[]> {
  const client = await pool.connect()
  let isWhole = false
  try {
    await client.query('begin isolation level repeatable read, read only')
    const tables = await listTableShapes(client)
    const { rows: schema } = await client.query<{ name: string; sha256: string }>(
      'select name, sha256 from migration_checksum order by name',
    )
    const { rows: said } = await client.query<{ server: string; now: Date }>(
      `select current_setting('server_version') as server, now() as now`,
    )
    const header: BackupHeader = {
      tilth_backup: FORMAT_VERSION,
      program,
      server: said[0]?.server ?? '',
      created_at: said[0]?.now.toISOString() ?? '',
      schema,
      tables: tables.map(({ name, columns }) => ({ name, columns: [...columns] })),
    }
    yield encodeLine(header)
    const dumped: DumpedTable[] = []
    for (const { name, columns } of tables) {
      yield encodeLine({ table: name })
      const sum = new TableSum()
      const data = copyOut(
        client,
        `copy ${quote(client, name)} (${columns.map((c) => quote(client, c)).join(', ')}) to stdout`,
      )
      let next = await data.next()
      for (; next.done !== true; next = await data.next()) {
        sum.add(next.value)
        yield encodePiece(next.value)
      }
      const end = sum.end(name, next.value)
      dumped.push({ name, rows: end.rows, bytes: end.bytes })
      yield encodeLine(end)
    }
    const { rows: sequences } = await client.query<{ name: string; value: number }>(
      `select sequencename as name, last_value as value from pg_sequences where schemaname = current_schema() and last_value is not null`,
    )
    yield encodeLine({
      end: true,
      sequences: Object.fromEntries(sequences.map(({ name, value }) => [name, value])),
    })
    await client.query('commit')
    isWhole = true
    return dumped
  } finally {
    // A reader that stopped half-way leaves the connection in the midst of a COPY.
    client.release(!isWhole)
  }
}

export const quote = (client: pg.ClientBase, name: string): string => client.escapeIdentifier(name)
