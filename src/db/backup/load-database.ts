import type pg from 'pg'
import { ProcessingError } from '../../domain/errors.js'
import type { BackupPart } from './backup-format.js'
import { copyIn } from './copy-stream.js'
import { quote } from './dump-database.js'
import { listTableShapes } from './table-shapes.js'

/**
 * Ids of steps name folders of revisions. Steps that were made after the backup are forgotten, their folders are not: new ones must not
 * get the same names. The same for attempts of steps that were open.
 */
const STEP_ID_GAP = 1_000_000
const ATTEMPT_GAP = 1000
/** How long others may keep the tables before the restore gives up, ms. */
const LOCK_WAIT_MS = 20_000

/**
 * Replaces all rows of a database by those of a backup of the same schema, in one transaction: all or nothing. Triggers of the schema
 * do not fire. Leases end at once, so that the ordinary way of lost claims gives running steps back.
 * Throws CONFLICT where others hold on to the tables, and whatever reading `parts` throws.
 */
export async function loadDatabase(
  pool: pg.Pool,
  parts: AsyncIterable<BackupPart>,
): Promise<ReadonlyMap<string, number>> {
  const client = await pool.connect()
  let failure: unknown
  try {
    await client.query('begin')
    await client.query(`set local lock_timeout = ${LOCK_WAIT_MS}`)
    const tables = (await listTableShapes(client)).map(({ name }) => quote(client, name))
    // First, because tables of history refuse a truncate by a trigger.
    for (const table of tables) await client.query(`alter table ${table} disable trigger user`)
    await client.query(`truncate ${tables.join(', ')}`)
    const rows = await loadParts(client, parts)
    await client.query('update step set lease_expires_at = now() where lease_expires_at is not null')
    await client.query(`update step set attempt = attempt + ${ATTEMPT_GAP} where state <> 'succeeded'`)
    for (const table of tables) await client.query(`alter table ${table} enable trigger user`)
    await client.query('commit')
    await client.query('analyze')
    return rows
  } catch (error) {
    failure = error
    await client.query('rollback').catch(() => undefined)
    if (isLockTimeout(error))
      throw new ProcessingError(
        'CONFLICT',
        `Something else uses the database and did not let go within ${LOCK_WAIT_MS / 1000} s. Nothing was changed. Stop all \`tilth up\` and try again.`,
        { cause: error },
      )
    throw error
  } finally {
    client.release(failure !== undefined)
  }
}

async function loadParts(
  client: pg.ClientBase,
  parts: AsyncIterable<BackupPart>,
): Promise<ReadonlyMap<string, number>> {
  const source = parts[Symbol.asyncIterator]()
  const rows = new Map<string, number>()
  const columns = new Map<string, readonly string[]>()
  for (let next = await source.next(); next.done !== true; next = await source.next()) {
    const part = next.value
    if (part.kind === 'header') for (const table of part.header.tables) columns.set(table.name, table.columns)
    else if (part.kind === 'table') {
      const names = (columns.get(part.name) ?? []).map((name) => quote(client, name)).join(', ')
      let expected = Number.NaN
      const data = async function* (): AsyncGenerator<Buffer> {
        for (let inner = await source.next(); inner.done !== true; inner = await source.next()) {
          if (inner.value.kind === 'data') yield inner.value.chunk
          else if (inner.value.kind === 'table-end') {
            expected = inner.value.table.rows
            return
          }
        }
      }
      const loaded = await copyIn(client, `copy ${quote(client, part.name)} (${names}) from stdin`, data())
      if (loaded !== expected)
        throw new ProcessingError(
          'INTERNAL',
          `Postgres took ${loaded} rows of table ${part.name}, the backup has ${expected}. Nothing was changed.`,
        )
      rows.set(part.name, loaded)
    } else if (part.kind === 'end')
      for (const [name, value] of Object.entries(part.sequences))
        await client.query('select setval($1::regclass, $2)', [
          quote(client, name),
          value + (name === 'step_id_seq' ? STEP_ID_GAP : 0),
        ])
  }
  return rows
}

const isLockTimeout = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === '55P03'
