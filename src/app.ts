import { join } from 'node:path'
import type pg from 'pg'
import { loadConfig, type Config } from './config/config.js'
import { connect, type Database } from './db/connect.js'
import { recordProgramVersion } from './db/migrated-for.js'
import {
  migrate,
  migrationStatus,
  readMigrations,
  type MigrationFile,
  type MigrationStatus,
} from './db/migrate.js'

/** The wired program: what commands, scheduler and step processes work on. */
export interface App {
  readonly config: Config
  readonly db: Database
  /** For LISTEN; queries go through `db`. */
  readonly pool: pg.Pool
  /** DATABASE_URL for child processes. */
  readonly databaseUrl: string
  /** True for the embedded server, which no other machine can reach. */
  readonly isEmbedded: boolean
  /**
   * Applies pending migrations and makes this program's version the one that the database is for; returns the names of the migrations.
   * `openApp` applies them too unless told otherwise, but leaves the version of a newer program.
   */
  migrate(): Promise<readonly string[]>
  migrationStatus(): Promise<readonly MigrationStatus[]>
  /** All that this program knows, oldest first. */
  readonly migrations: readonly MigrationFile[]
  /** Name of the newest of them. */
  readonly schema: string
  /** Of the Postgres server, e.g. 18.4. */
  serverVersion(): Promise<string>
  close(): Promise<void>
}

export interface OpenOptions {
  /** Default: read from process.env. */
  readonly config?: Config
  /** Connections at most; default 10. */
  readonly poolSize?: number
  /** False leaves the schema as it is, for `tilth db status`; default true. */
  readonly migrate?: boolean
  /** Settings of the embedded server if this call starts it, e.g. { fsync: 'off' } in tests. */
  readonly serverSettings?: Readonly<Record<string, string>>
}

/**
 * Opens the database, starting the embedded server and applying migrations where needed. Close it, or the process stays alive.
 * Throws DATABASE_UNAVAILABLE, SCHEMA_TOO_NEW, SCHEMA_EDITED, MIGRATION_FAILED, BAD_ARGUMENT (environment).
 */
export async function openApp(options: OpenOptions = {}): Promise<App> {
  const config = options.config ?? loadConfig(process.env)
  const connection = await connect({
    databaseUrl: config.databaseUrl,
    home: config.home,
    ...(options.poolSize === undefined ? {} : { poolSize: options.poolSize }),
    ...(options.serverSettings === undefined ? {} : { serverSettings: options.serverSettings }),
  })
  let files: readonly MigrationFile[]
  try {
    files = await readMigrations(join(config.programRoot, 'sql', 'migrations'))
    if (options.migrate ?? true) {
      await migrate(connection.db, files)
      await recordProgramVersion(connection.db, config.version, { exactly: false })
    }
  } catch (error) {
    await connection.close()
    throw error
  }
  return {
    config,
    db: connection.db,
    pool: connection.pool,
    databaseUrl: connection.url,
    isEmbedded: connection.isEmbedded,
    migrations: files,
    schema: files.at(-1)?.name ?? '',
    migrate: async () => {
      const applied = await migrate(connection.db, files)
      await recordProgramVersion(connection.db, config.version, { exactly: true })
      return applied
    },
    migrationStatus: () => migrationStatus(connection.db, files),
    serverVersion: async () => {
      const { rows } = await connection.pool.query<{ server_version: string }>('show server_version')
      return rows[0]?.server_version ?? 'unknown'
    },
    close: () => connection.close(),
  }
}
