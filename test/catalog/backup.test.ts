import { createHash, randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { openApp, type App } from '../../src/app.js'
import { backupDatabase, restoreDatabase, verifyBackup } from '../../src/catalog/backup.js'
import { checkArchive } from '../../src/catalog/check-archive.js'
import { addSeason } from '../../src/catalog/seasons.js'
import { addSite } from '../../src/catalog/sites.js'
import { createLocalScheduler } from '../../src/cli/run-scheduler.js'
import { encodeLine, encodePiece, readBackup, TableSum } from '../../src/db/backup/backup-format.js'
import { migrate } from '../../src/db/migrate.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { temporaryFolder, tilth } from '../support/cli.js'
import { eventually, insertSteps, setSetting, stepOf, STEP_RUNS } from '../support/queue.js'

let database: TestDatabase
let app: App
let folder: string
const quiet = { info: () => undefined, warn: () => undefined }
const NASTY = 'tab\t, newline\n, backslash \\N \\. , quote " \' , é, 農'

beforeAll(async () => {
  process.env['TILTH_TEST_PROCESSOR'] = STEP_RUNS
  folder = temporaryFolder('backup')
  database = await createTestDatabase()
  app = await database.open()
})
afterAll(() => database.close())
beforeEach(async () => {
  for (const table of ['product', 'job', 'setting', 'node', 'site', 'former_revision'] as const)
    await app.db.deleteFrom(table).execute()
  await setSetting(app.db, 'executor.cpu_slots', 4)
  await setSetting(app.db, 'processor.l2a.max_parallelism', 4)
  await setSetting(app.db, 'storage.min_free_mb', 0)
})

/** A database of its own without any table. */
async function emptyDatabase(): Promise<App> {
  const other = await createTestDatabase()
  onTestFinished(() => other.close())
  const opened = await openApp({ config: other.config, migrate: false })
  onTestFinished(() => opened.close())
  await sql`drop schema public cascade`.execute(opened.db)
  await sql`create schema public`.execute(opened.db)
  return opened
}
const area = {
  type: 'Polygon' as const,
  coordinates: [
    [
      [1.2, 43.2],
      [1.4, 43.2],
      [1.4, 43.4],
      [1.2, 43.2],
    ],
  ],
} as never
/** All rows of all tables as text, sorted: equal texts are equal databases. */
async function contents(of: App): Promise<Record<string, string[]>> {
  const { rows: tables } = await sql<{ name: string }>`
    select relname as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace
      and relname not like 'kysely%' and relname <> 'migration_checksum' order by 1`.execute(of.db)
  const found: Record<string, string[]> = {}
  for (const { name } of tables) {
    const { rows } = await sql<{
      row: string
    }>`select t::text as row from ${sql.table(name)} t order by 1`.execute(of.db)
    found[name] = rows.map(({ row }) => row)
  }
  return found
}
async function seed(): Promise<number> {
  const { id } = await addSite(app.db, { name: NASTY, slug: 'farm', area })
  await addSite(app.db, { name: 'Child', area, parent: 'farm' })
  await addSeason(app.db, 'farm', { name: '2026', startsOn: '2026-03-01', endsOn: '2026-10-31' })
  await setSetting(app.db, 'processor.l2a.aot', 0.15, id)
  return id
}
/** A scheduler that outlives a failed test holds the tables of the next ones. */
async function ended(scheduler: ReturnType<typeof createLocalScheduler>, up: Promise<void>): Promise<void> {
  scheduler.abort()
  await up.catch(() => undefined)
}
const backup = async (name: string): Promise<string> => {
  const file = join(folder, name)
  rmSync(file, { force: true })
  await backupDatabase(app, file)
  return file
}

test('a backup made while steps run, a wrecked database, a restore: rows and products are there and the queue goes on', async () => {
  const siteId = await seed()
  const release = join(app.config.home, 'release-backup')
  const done = (await insertSteps(app.db, [{ act: 'publish' }, { act: 'publish' }], { siteId })).stepIds
  const waiting = (
    await insertSteps(
      app.db,
      [
        { act: 'wait', release },
        { act: 'wait', release },
      ],
      { siteId },
    )
  ).stepIds
  const scheduler = createLocalScheduler(app, quiet)
  const up = scheduler.run({ untilIdle: false })
  onTestFinished(() => ended(scheduler, up))
  for (const id of done)
    await eventually(async () => (await stepOf(app.db, id)).state === 'succeeded', `step ${id} is done`)
  for (const id of waiting)
    await eventually(async () => (await stepOf(app.db, id)).progress === 0.5, `step ${id} runs`)
  // What follows from an end is drawn a round later than the end.
  await eventually(
    async () =>
      (await app.db.selectFrom('job').select('id').where('state', '=', 'succeeded').execute()).length === 1,
    'the job of the steps that are done is done',
  )
  const before = await contents(app)
  const file = await backup('running')
  // Made after the backup: its row is lost with the wreck, its folder stays.
  writeFileSync(release, '')
  for (const id of waiting)
    await eventually(async () => (await stepOf(app.db, id)).state === 'succeeded', `step ${id} is done`)
  scheduler.drain()
  await up

  await sql`drop schema public cascade`.execute(app.db)
  await sql`create schema public`.execute(app.db)
  const report = await restoreDatabase(app, file, { replace: false })
  expect(report.released).toBe(2)
  const after = await contents(app)
  for (const table of [
    'site',
    'season',
    'site_tile',
    'setting',
    'job',
    'task',
    'product',
    'storage_use',
    'storage_root',
  ])
    expect(after[table], table).toEqual(before[table])
  expect(after['product']).toHaveLength(2)
  for (const id of waiting)
    expect(await stepOf(app.db, id)).toMatchObject({ state: 'ready', failures: 0, lease_expires_at: null })
  const check = await checkArchive(app.db, app.config, { deep: false })
  expect(check.products).toBe(2)
  expect(check.problems.map(({ kind }) => kind)).toEqual(['unlisted', 'unlisted'])

  await createLocalScheduler(app, quiet).run({ untilIdle: true })
  for (const id of waiting)
    expect(await stepOf(app.db, id)).toMatchObject({ state: 'succeeded', failures: 0 })
  expect((await contents(app))['product']).toHaveLength(4)
  // A new step cannot meet a folder that was made after the backup.
  const [later] = (await insertSteps(app.db, [{ act: 'publish' }])).stepIds
  expect(later).toBeGreaterThan(1_000_000)
  await createLocalScheduler(app, quiet).run({ untilIdle: true })
  expect((await stepOf(app.db, later!)).state).toBe('succeeded')
  const { problems } = await checkArchive(app.db, app.config, { deep: false })
  expect(problems.filter(({ kind }) => kind !== 'unlisted')).toEqual([])
})

test('a backup is one moment: what is written in one transaction is in it together or not at all', async () => {
  let isOver = false
  const write = async () => {
    while (!isOver) await insertSteps(app.db, [{}, {}, {}])
  }
  const writers = [write(), write()]
  // After a failure too: rows that go on coming would fail the tests behind.
  onTestFinished(async () => {
    isOver = true
    await Promise.allSettled(writers)
  })
  for (let round = 0; round < 5; round++) {
    const { rows } = await verifyBackup(await backup(`moment-${round}`))
    expect(rows['task']).toBe((rows['job'] ?? 0) * 3)
    expect(rows['step']).toBe(rows['task'])
  }
  isOver = true
  await Promise.all(writers)
})

test('a truncated or bit-flipped backup is BACKUP_CORRUPT and changes nothing', async () => {
  await seed()
  await insertSteps(app.db, [{ act: 'publish' }])
  const file = await backup('whole')
  const whole = readFileSync(file)
  const before = await contents(app)
  const damaged = join(folder, 'damaged')
  // gzip's header (bytes 0 to 9) has a time and a system name that mean nothing.
  const places = Array.from({ length: 24 }, (_, i) => 10 + Math.floor(((whole.length - 11) * i) / 23))
  for (const at of [0, 1, 9, ...places, whole.length - 1]) {
    writeFileSync(damaged, whole.subarray(0, at))
    await expect(restoreDatabase(app, damaged, { replace: true }), `cut at ${at}`).rejects.toMatchObject({
      code: 'BACKUP_CORRUPT',
    })
  }
  for (const at of places) {
    const flipped = Buffer.from(whole)
    flipped[at] = flipped[at]! ^ (1 << (at % 8))
    writeFileSync(damaged, flipped)
    await expect(restoreDatabase(app, damaged, { replace: true }), `bit of byte ${at}`).rejects.toMatchObject(
      {
        code: 'BACKUP_CORRUPT',
      },
    )
  }
  // Valid gzip of something else, and of a backup whose data was edited by hand.
  writeFileSync(damaged, gzipSync('select 1;\n'))
  await expect(verifyBackup(damaged)).rejects.toMatchObject({ code: 'BACKUP_CORRUPT' })
  const edited = gunzipSync(whole).toString().replace('processor.l2a.aot', 'processor.l2a.aox')
  writeFileSync(damaged, gzipSync(edited))
  await expect(verifyBackup(damaged)).rejects.toThrow(/table setting\w* has .* bytes of sha256/)
  await expect(verifyBackup(join(folder, 'nothing'))).rejects.toMatchObject({ code: 'NOT_FOUND' })
  expect(await contents(app)).toEqual(before)
})

test('rows that Postgres refuses half-way undo all that came before', async () => {
  await seed()
  const file = await backup('to-forge')
  const forged: Buffer[] = []
  const whole = async function* () {
    yield await Promise.resolve(gunzipSync(readFileSync(file)))
  }
  let sum = new TableSum()
  for await (const part of readBackup(whole(), 'forged')) {
    if (part.kind === 'header') forged.push(encodeLine(part.header))
    if (part.kind === 'table') {
      sum = new TableSum()
      forged.push(encodeLine({ table: part.name }))
    }
    if (part.kind === 'data') {
      // A tile of a site that does not exist.
      const chunk = Buffer.from(part.chunk.toString().replace(/^\d+\t(s2|landsat)\t/, '999999\ts2\t'))
      sum.add(chunk)
      forged.push(encodePiece(chunk))
    }
    if (part.kind === 'table-end') forged.push(encodeLine(sum.end(part.table.table, part.table.rows)))
    if (part.kind === 'end') forged.push(encodeLine({ end: true, sequences: part.sequences }))
  }
  const path = join(folder, 'forged')
  writeFileSync(path, gzipSync(Buffer.concat(forged)))
  await verifyBackup(path)
  const before = await contents(app)
  await expect(restoreDatabase(app, path, { replace: true })).rejects.toMatchObject({ code: '23503' })
  expect(await contents(app)).toEqual(before)
  // The triggers are on again.
  await expect(
    sql`select from pg_trigger where not tgisinternal and tgenabled = 'D'`.execute(app.db),
  ).resolves.toMatchObject({ rows: [] })
})

test('a database with rows is refused unless --replace, and always while a scheduler lives', async () => {
  await seed()
  const file = await backup('replace')
  const before = await contents(app)
  await setSetting(app.db, 'retry.max_failures', 7)
  await expect(restoreDatabase(app, file, { replace: false })).rejects.toThrow(/not empty: .*site has 2 rows/)
  const scheduler = createLocalScheduler(app, quiet)
  const up = scheduler.run({ untilIdle: false })
  onTestFinished(() => ended(scheduler, up))
  await eventually(async () => (await contents(app))['node']?.length === 1, 'the node is registered')
  await expect(restoreDatabase(app, file, { replace: true })).rejects.toThrow(
    /Schedulers work on this database/,
  )
  scheduler.drain()
  await up
  await restoreDatabase(app, file, { replace: true })
  const after = await contents(app)
  expect(after['setting']).toEqual(before['setting'])
  expect(after['node']).toEqual([])
})

test('an older backup is refused by a newer schema with the line to run, which migrates it forward', async () => {
  const old = await emptyDatabase()
  const migrations = old.migrations.slice(0, 1)
  await migrate(old.db, migrations)
  await sql`insert into setting (key, value, updated_by) values ('retry.max_failures', '5', ${NASTY})`.execute(
    old.db,
  )
  const file = join(folder, 'older')
  await backupDatabase({ ...old, migrations }, file)
  await expect(restoreDatabase(app, file, { replace: true })).rejects.toThrow(
    /tilth db restore '.*older' --into postgres:/,
  )
  const fresh = await emptyDatabase()
  const report = await restoreDatabase(fresh, file, { replace: false })
  expect(report.migrated).toEqual(fresh.migrations.slice(1).map(({ name }) => name))
  expect(await fresh.db.selectFrom('setting').select(['key', 'value', 'updated_by']).execute()).toEqual([
    { key: 'retry.max_failures', value: 5, updated_by: NASTY },
  ])
  // And the other way round: a program that does not know the schema of the backup.
  const newer = await backup('newer')
  await expect(restoreDatabase({ ...fresh, migrations }, newer, { replace: true })).rejects.toMatchObject({
    code: 'SCHEMA_TOO_NEW',
  })
})

describe('the commands', () => {
  test('backup, check and restore --into another database; exit codes say what is wrong', async () => {
    await seed()
    const into = join(folder, 'nightly')
    mkdirSync(into)
    const made = await tilth(['db', 'backup', into, '--json'], database.env)
    expect(made.exitCode, made.stderr).toBe(0)
    const { file } = JSON.parse(made.stdout) as { file: string }
    expect(readdirSync(into)).toEqual([file.slice(into.length + 1)])
    expect(file).toMatch(/tilth-\d{8}T\d{6}Z\.backup$/)
    const again = await tilth(['db', 'backup', file], database.env)
    expect([again.exitCode, again.stderr]).toEqual([65, expect.stringContaining('exists already')])
    const unmade = await tilth(['db', 'backup', join(folder, 'unmade', 'deep/')], database.env)
    expect(unmade.exitCode, unmade.stderr).toBe(0)
    expect(readdirSync(join(folder, 'unmade', 'deep'))).toEqual([expect.stringMatching(/\.backup$/)])
    const nowhere = await tilth(['db', 'backup', join(folder, 'no', 'folder', 'x')], database.env)
    expect(nowhere.exitCode).toBe(74)
    const other = await emptyDatabase()
    const restored = await tilth(['db', 'restore', file, '--into', other.databaseUrl], database.env)
    expect(restored.exitCode, restored.stderr).toBe(0)
    expect((await contents(other))['site']).toEqual((await contents(app))['site'])
    // Roots that were registered since the backup are not in force any more: it says which ones are.
    const { host } = app.config
    const root = { name: 'archive', host, path: '/mnt/since', marker: randomUUID() }
    await other.db.deleteFrom('storage_root').execute()
    await other.db.insertInto('storage_root').values(root).execute()
    const replaced = await tilth(
      ['db', 'restore', file, '--replace', '--into', other.databaseUrl],
      database.env,
    )
    const [archive] = await app.db
      .selectFrom('storage_root')
      .select('path')
      .where('name', '=', 'archive')
      .execute()
    expect(archive).toBeDefined()
    expect(replaced.stdout).toContain(`  archive  ${archive!.path}\n`)
    expect(replaced.stdout).toMatch(/storage roots of this host, as in the backup; `tilth db check` verifies/)
    expect(replaced.stdout).not.toContain('/mnt/since')
    const refused = await tilth(['db', 'restore', file], database.env)
    expect([refused.exitCode, refused.stderr]).toEqual([65, expect.stringContaining('--replace')])
    writeFileSync(join(folder, 'cut'), readFileSync(file).subarray(0, 200))
    const cut = await tilth(['db', 'restore', join(folder, 'cut'), '--check'], database.env)
    expect([cut.exitCode, cut.stderr]).toEqual([65, expect.stringContaining('BACKUP_CORRUPT')])
  })

  test('check finds a product without its folder, changed files and a folder without a row', async () => {
    const { stepIds } = await insertSteps(app.db, [{ act: 'publish' }, { act: 'publish' }])
    await createLocalScheduler(app, quiet).run({ untilIdle: true })
    const [first, second] = await app.db
      .selectFrom('product')
      .select(['location', 'bytes'])
      .orderBy('step_id')
      .execute()
    expect(first?.bytes).toBe('attempt 1'.length)
    const path = (location: string) => join(app.config.roots.archive, location.slice('archive:'.length))
    const stray = path(first!.location).replace(/r\d+-1$/, `r${stepIds[0]!}-7`)
    mkdirSync(stray)
    writeFileSync(join(path(second!.location), 'B02_sre.tif'), 'changed since')
    let result = await tilth(['db', 'check', '--json'], database.env)
    expect(result.exitCode).toBe(65)
    const kinds = () =>
      (JSON.parse(result.stdout) as { problems: { kind: string; location: string }[] }).problems
        .filter(({ location }) => existsSync(path(location)) || location === first!.location)
        .map(({ kind }) => kind)
    expect(kinds()).toContain('size')
    rmSync(path(first!.location), { recursive: true })
    result = await tilth(['db', 'check', '--json'], database.env)
    expect(kinds()).toEqual(expect.arrayContaining(['missing', 'size', 'unlisted']))
  })

  test('check --deep reads each file that an item describes: a byte changed in place is found', async () => {
    const { stepIds } = await insertSteps(app.db, [{ act: 'publish' }])
    await createLocalScheduler(app, quiet).run({ untilIdle: true })
    const product = await app.db
      .selectFrom('product')
      .select(['location', 'bytes'])
      .where('step_id', '=', stepIds[0]!)
      .executeTakeFirstOrThrow()
    const path = join(app.config.roots.archive, product.location.slice('archive:'.length))
    const sha256 = createHash('sha256').update('attempt 1').digest('hex')
    const item = JSON.stringify({
      assets: { B02: { href: './B02_sre.tif', 'file:checksum': `1220${sha256}` } },
    })
    writeFileSync(join(path, 'item.json'), item)
    const bytes = (product.bytes ?? 0) + item.length
    await app.db.updateTable('product').set({ bytes }).where('step_id', '=', stepIds[0]!).execute()
    const here = async (deep: boolean) => {
      const { problems, filesRead } = await checkArchive(app.db, app.config, { deep })
      return { filesRead, kinds: problems.filter((p) => p.location === product.location).map((p) => p.kind) }
    }
    expect(await here(true)).toMatchObject({ filesRead: 1, kinds: [] })
    writeFileSync(join(path, 'B02_sre.tif'), 'attempt 2')
    expect((await here(false)).kinds).toEqual([])
    expect((await here(true)).kinds).toEqual(['checksum'])
  })
})
