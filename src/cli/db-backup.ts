import type { Command } from 'commander'
import type { App } from '../app.js'
import type { BackupContent, RestoreReport } from '../catalog/backup.js'
import { formatTable, printJson } from './queue-options.js'

/** Adds `tilth db backup`, `restore` and `check`. */
export function registerBackup(db: Command): void {
  db.command('backup')
    .description('write a consistent backup of the database while everything goes on')
    .argument(
      '<target>',
      'file that does not exist yet, or a folder: then the file is named by the time (UTC); with / at its end it is made if need be',
    )
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Holds all tables, no products: keep the archive with your own tools. The file appears whole or not at all. Exit status 65 where it
exists already, 74 where it cannot be written.`,
    )
    .action(async (target: string, options: { json?: boolean }) => {
      const report = await withDatabase(null, async (app) => {
        const { backupDatabase } = await import('../catalog/backup.js')
        return backupDatabase(app, target)
      })
      if (options.json) printJson(report)
      else {
        const rows = report.tables.reduce((sum, table) => sum + table.rows, 0)
        process.stdout.write(`${report.file}: ${rows} rows, ${mebibytes(report.sizeBytes)} MiB\n`)
      }
    })
  db.command('restore')
    .description('put a backup into an empty database; the file is checked whole before anything is changed')
    .argument('<file>', 'written by `tilth db backup`')
    .option(
      '--into <url>',
      'another database than the one of this environment, e.g. postgres://tilth@host:5432/new',
    )
    .option('--replace', 'drop all rows that are there', false)
    .option('--check', 'only read the file and verify its checksums', false)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
All rows come in one transaction: all or nothing. An older backup goes into a database without tables, which gets the schema of the
backup, its rows, and then the later migrations. Steps that ran when the backup was made are ready again; no failure is counted. New
steps get ids a million higher, so that no folder of the archive made after the backup is met again; \`tilth db check\` lists those.`,
    )
    .action(
      async (file: string, options: { into?: string; replace: boolean; check: boolean; json?: boolean }) => {
        const { restoreDatabase, verifyBackup } = await import('../catalog/backup.js')
        if (options.check) {
          const content = await verifyBackup(file)
          if (options.json) printJson(content)
          else process.stdout.write(describeContent(file, content))
          return
        }
        const report = await withDatabase(options.into ?? null, (app) =>
          restoreDatabase(app, file, { replace: options.replace }),
        )
        const { released, migrated } = report
        if (options.json) printJson(report)
        else
          process.stdout.write(
            `${describeContent(file, report)}restored; ${released} steps that ran are ready again${migrated.length > 0 ? `; applied ${migrated.join(', ')}` : ''}\n${describeRoots(report)}`,
          )
      },
    )
  db.command('check')
    .description('compare the database with the storage roots of this host; changes nothing')
    .option('--deep', 'read every file and compare its SHA-256 with that of its item', false)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
missing: a product without its folder. size, checksum: files are not those that were published. unlisted: a folder that no product
names, made after a backup that was restored, or by another database. l1-missing: the folder or link of an acquisition leads nowhere.
Exit status 0 where all fits, 65 where something does not.`,
    )
    .action(async (options: { deep: boolean; json?: boolean }) => {
      const { withApp } = await import('./queue-options.js')
      const { EXIT } = await import('../domain/errors.js')
      const check = await withApp(async (app) => {
        const { checkArchive } = await import('../catalog/check-archive.js')
        return checkArchive(app.db, app.config, { deep: options.deep })
      })
      if (options.json) printJson(check)
      else {
        if (check.problems.length > 0)
          process.stdout.write(
            formatTable(
              ['PROBLEM', 'LOCATION', 'DETAIL'],
              check.problems.map(({ kind, location, detail }) => [kind, location, detail]),
            ),
          )
        process.stdout.write(
          `${check.products} products, ${check.acquisitions} acquisitions, ${check.folders} folders, ${check.filesRead} files read: ${check.problems.length} problems\n`,
        )
      }
      process.exitCode = check.problems.length === 0 ? EXIT.ok : EXIT.data
    })
}

function describeContent(file: string, { header, rows }: BackupContent): string {
  const sum = Object.values(rows).reduce((total, n) => total + n, 0)
  return `${file}: ${sum} rows, made ${header.created_at} by program ${header.program}, schema ${header.schema.at(-1)?.name ?? ''}\n`
}

/** The roots come with the backup: who has registered other folders since works in the old ones again. */
function describeRoots({ roots }: RestoreReport): string {
  if (roots.length === 0)
    return 'no storage roots of this host are in the backup: register them with `tilth db root NAME PATH`, or the first use makes the default ones\n'
  const lines = roots.map(({ name, path }) => `  ${name}  ${path}\n`).join('')
  return `storage roots of this host, as in the backup; \`tilth db check\` verifies them, \`tilth db root NAME PATH\` changes one:\n${lines}`
}

const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1)

/** The database as it is, not migrated; another one where `url` says so. */
async function withDatabase<T>(url: string | null, work: (app: App) => Promise<T>): Promise<T> {
  const { openApp } = await import('../app.js')
  const { loadConfig } = await import('../config/config.js')
  const env = url === null ? process.env : { ...process.env, DATABASE_URL: url }
  const app = await openApp({ config: loadConfig(env), poolSize: 3, migrate: false })
  try {
    return await work(app)
  } finally {
    await app.close()
  }
}
