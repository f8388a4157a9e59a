import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import type { Config } from '../config/config.js'
import { readBackup, type BackupHeader, type BackupPart } from '../db/backup/backup-format.js'
import { dumpDatabase, type DumpedTable } from '../db/backup/dump-database.js'
import { countRows } from '../db/backup/count-rows.js'
import { loadDatabase } from '../db/backup/load-database.js'
import type { Connection } from '../db/connect.js'
import { migrate, migrationStatus, type MigrationFile } from '../db/migrate.js'
import { readStorageRoots } from '../db/catalog/storage-root.js'
import { listNodes } from '../db/nodes/list-nodes.js'
import { releaseSteps } from '../db/steps/end-attempt.js'
import { ProcessingError } from '../domain/errors.js'
import { flush, publishError } from '../products/publish.js'

/** An open database and the program that works on it. */
export interface BackupApp extends Pick<Connection, 'db' | 'pool'> {
  readonly config: Pick<Config, 'version' | 'host'>
  /** All that the program knows, oldest first. */
  readonly migrations: readonly MigrationFile[]
}

export interface BackupReport {
  /** Absolute path of the file. */
  readonly file: string
  /** Size of the file, bytes. */
  readonly sizeBytes: number
  readonly tables: readonly DumpedTable[]
}

/** Speed counts more than size: on catalogs, level 3 is twice as fast as the default and a tenth larger. */
const GZIP_LEVEL = 3

/**
 * Writes a consistent backup of the database while everything goes on. `target` is a file that does not exist, or a folder, in which the
 * file is named by the time. The file appears whole or not at all. Throws NOT_FOUND for a
 * database without a schema, CONFLICT, DISK_FULL, WRITE_FAILED, DATABASE_UNAVAILABLE.
 */
export async function backupDatabase(app: BackupApp, target: string): Promise<BackupReport> {
  const file = await backupFile(target)
  const status = await migrationStatus(app.db, app.migrations)
  if (!status.some(({ state }) => state !== 'pending'))
    throw new ProcessingError('NOT_FOUND', 'The database has no tables yet: there is nothing to back up.')
  const part = `${file}.part-${process.pid}`
  const tables: DumpedTable[] = []
  const bytes = async function* (): AsyncGenerator<Buffer> {
    tables.push(...(yield* dumpDatabase(app.pool, app.config.version)))
  }
  try {
    await pipeline(
      bytes,
      createGzip({ level: GZIP_LEVEL }),
      createWriteStream(part, { flags: 'wx', mode: 0o600 }),
    )
    await flush(part)
    await rename(part, file)
    await flush(dirname(file))
  } catch (cause) {
    await rm(part, { force: true })
    throw isSystemError(cause) ? publishError(`Writing the backup ${file}`, cause) : cause
  }
  return { file, sizeBytes: (await stat(file)).size, tables }
}

async function backupFile(target: string): Promise<string> {
  const path = resolve(target)
  // A folder that is not there yet: without this the first nightly backup would be a file in its place, and the second a CONFLICT.
  if (target.endsWith(sep))
    await mkdir(path, { recursive: true }).catch((cause: unknown) => {
      throw publishError(`Making the folder ${path}`, cause)
    })
  const found = await stat(path).catch(() => undefined)
  const stamp = new Date().toISOString().slice(0, 19).replace(/[-:]/g, '')
  const file = found?.isDirectory() === true ? join(path, `tilth-${stamp}Z.backup`) : path
  const isTaken =
    file === path ? found !== undefined : (await stat(file).catch(() => undefined)) !== undefined
  if (isTaken)
    throw new ProcessingError(
      'CONFLICT',
      `${file} exists already. Give another name, or a folder to have the file named by the time.`,
    )
  return file
}

const isSystemError = (error: unknown): boolean => error instanceof Error && 'syscall' in error

export interface BackupContent {
  readonly header: BackupHeader
  /** Rows by table. */
  readonly rows: Readonly<Record<string, number>>
}

/** Reads a backup from end to end and checks all its checksums. Throws NOT_FOUND, BACKUP_CORRUPT. */
export async function verifyBackup(file: string): Promise<BackupContent> {
  let header: BackupHeader | undefined
  const rows: Record<string, number> = {}
  for await (const part of readParts(file))
    if (part.kind === 'header') header = part.header
    else if (part.kind === 'table-end') rows[part.table.table] = part.table.rows
  if (header === undefined) throw new ProcessingError('INTERNAL', `${file} was read without a header.`)
  return { header, rows }
}

async function* readParts(file: string): AsyncGenerator<BackupPart> {
  const path = resolve(file)
  if ((await stat(path).catch(() => undefined))?.isFile() !== true)
    throw new ProcessingError('NOT_FOUND', `There is no file ${path}.`)
  const raw = createReadStream(path)
  const unzipped = createGunzip()
  // An error of the file ends the reading of what is unzipped from it.
  raw.on('error', (error) => unzipped.destroy(error))
  raw.pipe(unzipped)
  try {
    yield* readBackup(unzipped, path)
  } finally {
    raw.destroy()
    unzipped.destroy()
  }
}

export interface RestoreReport extends BackupContent {
  /** Steps that ran when the backup was made and are ready again. */
  readonly released: number
  /** Storage roots that the backup has for this host: from now on they are in force, whatever was registered before. */
  readonly roots: readonly { readonly name: string; readonly path: string }[]
  /** Migrations applied to bring an older backup up to this program. */
  readonly migrated: readonly string[]
}

/**
 * Puts a backup into a database. The file is read and checked whole before anything is changed; then all rows come in one transaction.
 * The database has the backup's schema, or none at all: then it gets that schema, the rows, and the later migrations.
 * Throws BACKUP_CORRUPT; CONFLICT where the database has rows and `replace` is not given, a scheduler lives, or the schema is another;
 * SCHEMA_TOO_NEW or SCHEMA_EDITED where this program does not know the backup's schema.
 */
export async function restoreDatabase(
  app: BackupApp,
  file: string,
  { replace }: { readonly replace: boolean },
): Promise<RestoreReport> {
  const content = await verifyBackup(file)
  await prepareSchema(app, content.header, file)
  const counted = await countRows(app.pool)
  const filled = counted.filter(({ rows, isOwn }) => rows > 0 && !isOwn)
  if (filled.length > 0 && !replace)
    throw new ProcessingError(
      'CONFLICT',
      `The database is not empty: ${filled.map(({ table, rows }) => `${table} has ${rows} rows`).join(', ')}. Restore into an empty one with --into URL, or give --replace to drop what is there.`,
    )
  const hasNodes = counted.some(({ table, rows }) => table === 'node' && rows > 0)
  const alive = !hasNodes ? [] : (await listNodes(app.db, null)).filter((node) => !node.isGone)
  if (alive.length > 0)
    throw new ProcessingError(
      'CONFLICT',
      `Schedulers work on this database: node ${alive.map(({ name }) => name).join(', ')}. Stop each \`tilth up\` first.`,
    )
  await loadDatabase(app.pool, readParts(file))
  const migrated = await migrate(app.db, app.migrations)
  const released = await releaseSteps(app.db, { kind: 'expired' }, 'restored from a backup')
  const roots = (await readStorageRoots(app.db)).filter(({ host }) => host === app.config.host)
  return {
    ...content,
    released: released.length,
    roots: roots.map(({ name, path }) => ({ name, path })),
    migrated,
  }
}

async function prepareSchema(
  { db, migrations }: BackupApp,
  header: BackupHeader,
  file: string,
): Promise<void> {
  const unknown = header.schema.filter(({ name }) => !migrations.some((known) => known.name === name))
  if (unknown.length > 0)
    throw new ProcessingError(
      'SCHEMA_TOO_NEW',
      `${file} was written by program ${header.program} with migrations ${unknown.map(({ name }) => name).join(', ')} that this one does not know. Install that program and restore with it.`,
    )
  for (const { name, sha256 } of header.schema)
    if (migrations.find((known) => known.name === name)?.sha256 !== sha256)
      throw new ProcessingError(
        'SCHEMA_EDITED',
        `Migration ${name} of this program is not the one of the backup ${file}. Install the program whole again.`,
      )
  const applied = (await migrationStatus(db, migrations)).filter(({ state }) => state !== 'pending')
  const wanted = header.schema.map(({ name }) => name)
  if (applied.length === 0) {
    await migrate(
      db,
      migrations.filter(({ name }) => wanted.includes(name)),
    )
    return
  }
  const names = applied.map(({ name }) => name)
  if (names.length === wanted.length && names.every((name) => wanted.includes(name))) return
  throw new ProcessingError(
    'CONFLICT',
    `${file} has schema ${wanted.at(-1) ?? ''} (${wanted.length} migrations), the database ${names.at(-1) ?? ''} (${names.length}). ` +
      `Restore into a new, empty database, which then is migrated forward: tilth db restore '${file}' --into postgres://USER@HOST:5432/NEW_NAME`,
  )
}
