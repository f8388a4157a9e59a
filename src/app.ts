import { join } from 'node:path'
import type pg from 'pg'
import { loadConfig, type Config } from './config/config.js'
import { connect, type Database } from './db/connect.js'
import { migrate, migrationStatus, readMigrations, type MigrationStatus } from './db/migrate.js'

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
  /** Applies pending migrations; returns their names. `openApp` does so unless told otherwise. */
  migrate(): Promise<readonly string[]>
  migrationStatus(): Promise<readonly MigrationStatus[]>
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
 * Throws DATABASE_UNAVAILABLE, SCHEMA_TOO_NEW, SCHEMA_EDITED, BAD_ARGUMENT (environment).
 */
export async function openApp(options: OpenOptions = {}): Promise<App> {
  const config = options.config ?? loadConfig(process.env)
  const connection = await connect({
    databaseUrl: config.databaseUrl,
    home: config.home,
    ...(options.poolSize === undefined ? {} : { poolSize: options.poolSize }),
    ...(options.serverSettings === undefined ? {} : { serverSettings: options.serverSettings }),
  })
  const files = () => readMigrations(join(config.programRoot, 'sql', 'migrations'))
  try {
    if (options.migrate ?? true) await migrate(connection.db, await files())
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
    migrate: async () => migrate(connection.db, await files()),
    migrationStatus: async () => migrationStatus(connection.db, await files()),
    serverVersion: async () => {
      const { rows } = await connection.pool.query<{ server_version: string }>('show server_version')
      return rows[0]?.server_version ?? 'unknown'
    },
    close: () => connection.close(),
  }
}
