import { secondText } from '../domain/calendar-day.js'
import type { App } from '../app.js'
import type { Command } from 'commander'
import { registerBackup } from './db-backup.js'
import { formatTable, printJson } from './queue-options.js'

export function register(program: Command): void {
  const db = program
    .command('db')
    .description('database: DATABASE_URL, else the embedded server below TILTH_HOME')
  db.command('migrate')
    .description('bring the schema up to this program (every other command does so as well)')
    .option('--json', 'print JSON')
    .action(async (options: { json?: boolean }) => {
      const applied = await withUnmigrated((app) => app.migrate())
      if (options.json) printJson({ applied })
      else process.stdout.write(applied.length === 0 ? 'up to date\n' : `applied ${applied.join(', ')}\n`)
    })
  db.command('status')
    .description('server and migrations; changes nothing in a database that exists')
    .option('--json', 'print JSON')
    .action(async (options: { json?: boolean }) => {
      const status = await withUnmigrated(async (app) => ({
        server: app.isEmbedded ? `embedded below ${app.config.home}` : 'DATABASE_URL',
        version: await app.serverVersion(),
        migrations: await app.migrationStatus(),
      }))
      if (options.json) printJson(status)
      else {
        process.stdout.write(`server  ${status.server}, Postgres ${status.version}\n`)
        process.stdout.write(
          formatTable(
            ['MIGRATION', 'STATE', 'BREAKING', 'APPLIED (UTC)'],
            status.migrations.map((m) => [
              m.name,
              m.state,
              m.isBreaking ? 'yes' : 'no',
              m.appliedAt === null ? '-' : secondText(m.appliedAt),
            ]),
          ),
        )
      }
    })
  db.command('shell')
    .description('psql on the database; needs psql on the PATH (the embedded server brings none)')
    .argument('[args...]', 'for psql, after --')
    .action(async (args: string[]) => {
      const { execa } = await import('execa')
      const { ProcessingError } = await import('../domain/errors.js')
      await withUnmigrated(async (app) => {
        const result = await execa('psql', [app.databaseUrl, ...args], { stdio: 'inherit', reject: false })
        if (result.code === 'ENOENT')
          throw new ProcessingError(
            'NOT_FOUND',
            `There is no psql on the PATH. Install it (Debian: apt-get install postgresql-client), then: psql '${app.databaseUrl}'`,
          )
        process.exitCode = result.exitCode ?? 1
      })
    })
  db.command('root')
    .description('storage roots of the hosts; with a name and a folder: register the folder on this host')
    .argument('[name]', 'archive, l1, scratch or cold')
    .argument('[folder]', 'gets the marker file .tilth-root')
    .option('--create', 'make the folder where there is none', false)
    .option('--json', 'print JSON')
    .action(
      async (
        name: string | undefined,
        folder: string | undefined,
        options: { create: boolean; json?: boolean },
      ) => {
        const { withApp } = await import('./queue-options.js')
        const { ProcessingError } = await import('../domain/errors.js')
        if (name !== undefined && folder === undefined)
          throw new ProcessingError('BAD_ARGUMENT', `Give the folder of root '${name}' as well.`)
        const roots = await withApp(async (app) => {
          const { listRoots, registerRoot } = await import('../catalog/storage-roots.js')
          if (name !== undefined && folder !== undefined)
            await registerRoot(app.db, app.config, name, folder, { replace: true, create: options.create })
          return listRoots(app.db)
        })
        if (options.json) printJson(roots)
        else
          process.stdout.write(
            formatTable(
              ['ROOT', 'HOST', 'FOLDER'],
              roots.map((r) => [r.name, r.host, r.path]),
            ),
          )
      },
    )
  registerBackup(db)
}

async function withUnmigrated<T>(work: (app: App) => Promise<T>): Promise<T> {
  const { openApp } = await import('../app.js')
  const app = await openApp({ poolSize: 2, migrate: false })
  try {
    return await work(app)
  } finally {
    await app.close()
  }
}
