import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Migrator, sql, type Kysely, type Migration } from 'kysely'
import { asUnavailable, isDatabaseAway } from '../domain/database-away.js'
import { ProcessingError } from '../domain/errors.js'

/** A file of sql/migrations. */
export interface MigrationFile {
  /** File name without `.sql`, e.g. 0001_catalog_and_queue. */
  readonly name: string
  readonly text: string
  readonly sha256: string
  /** Its header has a line `--! breaking`: programs that do not know it must not touch the database any more. */
  readonly isBreaking: boolean
}

export interface AppliedMigration {
  readonly name: string
  readonly sha256: string
  readonly is_breaking: boolean
  readonly applied_at: Date
}

export interface MigrationStatus {
  readonly name: string
  readonly state: 'applied' | 'pending' | 'unknown'
  readonly isBreaking: boolean
  readonly appliedAt: Date | null
}

// What the migrator itself needs: not part of the schema that migrations describe, hence no entry in the table types.
interface MigrationTables {
  migration_checksum: { name: string; sha256: string; is_breaking: boolean; applied_at: Date }
}
/** Any number will do that no other user of advisory locks takes. */
const BOOTSTRAP_LOCK = 724_001

/** Reads and orders the files. Throws INTERNAL where two share a number or the folder has something else. */
export async function readMigrations(folder: string): Promise<readonly MigrationFile[]> {
  const names = (await readdir(folder)).filter((file) => file.endsWith('.sql')).sort()
  const files = await Promise.all(
    names.map(async (file) => {
      if (!/^\d{4}_[a-z0-9_]+\.sql$/.test(file))
        throw new ProcessingError(
          'INTERNAL',
          `${join(folder, file)} is no migration name, expected NNNN_name.sql.`,
        )
      const text = await readFile(join(folder, file), 'utf8')
      const header = /^(?:--.*\n|\s*\n)*/.exec(text)?.[0] ?? ''
      return {
        name: file.slice(0, -4),
        text,
        sha256: createHash('sha256').update(text).digest('hex'),
        isBreaking: /^--! breaking\s*$/m.test(header),
      }
    }),
  )
  for (const [i, file] of files.entries()) {
    const before = files[i - 1]
    if (before?.name.slice(0, 4) === file.name.slice(0, 4))
      throw new ProcessingError(
        'INTERNAL',
        `Migrations ${before.name} and ${file.name} have the same number.`,
      )
  }
  return files
}

/**
 * Brings a database to the newest schema of this program: pending files in order, all in one transaction.
 * Any number of processes may call it at once: kysely's Migrator takes turns by an advisory lock, one applies, the others find nothing to do.
 * Throws SCHEMA_EDITED where an applied file was changed, SCHEMA_TOO_NEW where a newer program made a breaking change,
 * MIGRATION_FAILED where Postgres refuses a statement (with its SQLSTATE as cause); nothing is changed then.
 * Returns the names applied by this call.
 */
export async function migrate<T>(
  database: Kysely<T>,
  files: readonly MigrationFile[],
): Promise<readonly string[]> {
  const db = database as unknown as Kysely<MigrationTables>
  const before = await readApplied(database)
  checkApplied(files, before)
  // The common case costs one query.
  if (files.every((file) => before.some((row) => row.name === file.name))) return []
  const unknown = unknownOf(files, before)
  if (unknown.length > 0)
    throw new ProcessingError(
      'SCHEMA_TOO_NEW',
      `The database has ${unknown.map((m) => m.name).join(', ')} of a newer program but lacks migrations of this one. Upgrade this program.`,
    )
  await db.transaction().execute(async (tx) => {
    // `if not exists` alone can race.
    await sql`select pg_advisory_xact_lock(${sql.lit(BOOTSTRAP_LOCK)})`.execute(tx)
    await sql`create table if not exists migration_checksum (
      name text primary key, sha256 text not null, is_breaking boolean not null, applied_at timestamptz not null default now())`.execute(
      tx,
    )
  })
  const migrator = new Migrator({
    db,
    provider: {
      getMigrations: () =>
        Promise.resolve(
          Object.fromEntries(
            files.map((file): [string, Migration] => [file.name, { up: (tx) => apply(tx, file) }]),
          ),
        ),
    },
  })
  const { error, results } = await migrator.migrateToLatest()
  if (error !== undefined) {
    const failed = results?.find((r) => r.status === 'Error')
    // A newer program may have migrated between our look and the lock.
    checkApplied(files, await readApplied(database))
    if (isDatabaseAway(error)) throw asUnavailable(error)
    throw new ProcessingError(
      'MIGRATION_FAILED',
      `Migration ${failed?.migrationName ?? '?'} failed and nothing was changed: ${describe(error)}.`,
      { cause: error },
    )
  }
  checkApplied(files, await readApplied(database))
  return (results ?? []).filter((r) => r.status === 'Success').map((r) => r.migrationName)
}

/** Each known or applied migration and its state, in order of number. Changes nothing. */
export async function migrationStatus<T>(
  database: Kysely<T>,
  files: readonly MigrationFile[],
): Promise<readonly MigrationStatus[]> {
  const applied = await readApplied(database)
  const known = files.map((file): MigrationStatus => {
    const row = applied.find((a) => a.name === file.name)
    return {
      name: file.name,
      state: row === undefined ? 'pending' : 'applied',
      isBreaking: file.isBreaking,
      appliedAt: row?.applied_at ?? null,
    }
  })
  const unknown = unknownOf(files, applied).map((row): MigrationStatus => ({
    name: row.name,
    state: 'unknown',
    isBreaking: row.is_breaking,
    appliedAt: row.applied_at,
  }))
  return [...known, ...unknown].sort((a, b) => (a.name < b.name ? -1 : 1))
}

async function apply(tx: Kysely<unknown>, file: MigrationFile): Promise<void> {
  // No parameters, hence pg's simple protocol: a file may hold several statements.
  await sql.raw(file.text).execute(tx)
  await sql`insert into migration_checksum (name, sha256, is_breaking) values (${file.name}, ${file.sha256}, ${file.isBreaking})`.execute(
    tx,
  )
}

async function readApplied<T>(database: Kysely<T>): Promise<readonly AppliedMigration[]> {
  const { rows } = await sql<{
    there: boolean
  }>`select to_regclass('migration_checksum') is not null as there`.execute(database)
  if (rows[0]?.there !== true) return []
  const applied =
    await sql<AppliedMigration>`select name, sha256, is_breaking, applied_at from migration_checksum order by name`.execute(
      database,
    )
  return applied.rows
}

function unknownOf(
  files: readonly MigrationFile[],
  applied: readonly AppliedMigration[],
): readonly AppliedMigration[] {
  return applied.filter((row) => !files.some((file) => file.name === row.name))
}

function checkApplied(files: readonly MigrationFile[], applied: readonly AppliedMigration[]): void {
  for (const row of applied) {
    const file = files.find((f) => f.name === row.name)
    if (file !== undefined && file.sha256 !== row.sha256)
      throw new ProcessingError(
        'SCHEMA_EDITED',
        `Migration ${row.name} was changed after it was applied: the database has sha256 ${row.sha256.slice(0, 12)}, the file ${file.sha256.slice(0, 12)}. Restore the file; write changes as a new migration.`,
      )
    if (file === undefined && row.is_breaking)
      throw new ProcessingError(
        'SCHEMA_TOO_NEW',
        `The database was changed by a newer program (migration ${row.name}) in a way that this one does not understand. Upgrade this program, or point DATABASE_URL or TILTH_HOME to another database.`,
      )
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : JSON.stringify(error)
}
