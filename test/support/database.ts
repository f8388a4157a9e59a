import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHash, randomBytes } from 'node:crypto'
import pg from 'pg'
import { openApp, type App } from '../../src/app.js'
import { loadConfig, type Config } from '../../src/config/config.js'
import { addressUrl, joinEmbeddedServer } from '../../src/db/embedded-server.js'
import { connect } from '../../src/db/connect.js'
import { migrate, readMigrations } from '../../src/db/migrate.js'
import { withProcessLock } from '../../src/db/process-lock.js'

/** One server for all test files of a machine and user: starting it for each file would cost more than the tests. */
const SERVER_HOME = join(
  tmpdir(),
  `tilth-test-${String(process.getuid?.() ?? 0)}-${process.env['TILTH_TEST_RUN'] ?? 'shared'}`,
)
/** Nothing of a test has to survive a power cut. */
const FAST = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }

export interface TestDatabase {
  readonly url: string
  /** An own TILTH_HOME with empty roots. */
  readonly config: Config
  /** Opens an app on this database; closed with the database unless closed before. */
  open(): Promise<App>
  /** Environment for child processes that shall work on this database. */
  readonly env: Readonly<Record<string, string>>
  close(): Promise<void>
}

/** A migrated database of its own for one test file: a copy of the template, made in some 30 ms. Call `close` in afterAll. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const server = await joinEmbeddedServer({ home: SERVER_HOME, settings: FAST })
  const files = await readMigrations(join(loadConfig({}).programRoot, 'sql', 'migrations'))
  const schema = createHash('sha256')
    .update(files.map((f) => f.sha256).join(''))
    .digest('hex')
  const template = `template_${schema.slice(0, 16)}`
  const name = `test_${randomBytes(6).toString('hex')}`
  const admin = new pg.Client({ ...server.address, database: 'postgres' })
  await admin.connect()
  await withProcessLock(`test-template-${template}`, async () => {
    const { rowCount } = await admin.query('select 1 from pg_database where datname = $1', [template])
    if (rowCount === 0) {
      // Made under another name first: a test run that is stopped half-way must not leave a half template.
      const raw = `${template}_${randomBytes(4).toString('hex')}`
      await admin.query(`create database ${raw}`)
      const connection = await connect({
        databaseUrl: addressUrl({ ...server.address, database: raw }),
        home: SERVER_HOME,
      })
      await migrate(connection.db, files)
      await connection.close()
      await admin.query(`alter database ${raw} rename to ${template}`)
    }
    await admin.query(`create database ${name} template ${template}`)
  })
  const home = mkdtempSync(join(tmpdir(), 'tilth-home-'))
  const url = addressUrl({ ...server.address, database: name })
  const env = { TILTH_HOME: home, DATABASE_URL: url }
  const config = loadConfig(env)
  const apps: App[] = []
  return {
    url,
    config,
    env,
    open: async () => {
      const app = await openApp({ config })
      apps.push(app)
      return app
    },
    close: async () => {
      await Promise.all(apps.map((app) => app.close()))
      await admin.query(`drop database if exists ${name} with (force)`)
      await admin.end()
      await server.release()
      await rm(home, { recursive: true, force: true })
    },
  }
}
