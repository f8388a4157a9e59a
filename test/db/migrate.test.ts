import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { connect, type Connection } from '../../src/db/connect.js'
import { migrate, migrationStatus, readMigrations } from '../../src/db/migrate.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'

let database: TestDatabase
let url: string
let folder: string
const open: Connection[] = []
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(async () => {
  await database.close()
})
beforeEach(async () => {
  // An empty schema in the database of this file: cheaper than a database for each test.
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  await client.query('drop schema public cascade; create schema public')
  await client.end()
  url = database.url
  folder = await mkdtemp(join(tmpdir(), 'tilth-migrations-'))
  await write(
    '0001_first',
    "create type colour as enum ('red');\ncreate table a (id int primary key);\ninsert into a values (1);",
  )
  return async () => {
    await Promise.all(open.splice(0).map((c) => c.close()))
    await rm(folder, { recursive: true })
  }
})
const write = (name: string, text: string) => writeFile(join(folder, `${name}.sql`), `${text}\n`)
const db = async () => {
  const connection = await connect({ databaseUrl: url, home: database.config.home })
  open.push(connection)
  return connection.db
}
const run = async () => migrate(await db(), await readMigrations(folder))

test('three at once: one applies, the others find nothing to do', async () => {
  await write('0002_second', 'insert into a values (2);')
  const applied = await Promise.all([run(), run(), run()])
  expect(applied.map((names) => names.length).sort()).toEqual([0, 0, 2])
  expect(await run()).toEqual([])
})

test('an applied file that was edited is refused', async () => {
  await run()
  await write('0001_first', 'create table a (id bigint);')
  await expect(run()).rejects.toMatchObject({
    code: 'SCHEMA_EDITED',
    message: expect.stringContaining('0001_first') as string,
  })
})

test('a failing file changes nothing, and works once it is repaired', async () => {
  await write('0002_second', 'create table b (id int);\nselect nonsense;')
  await expect(run()).rejects.toMatchObject({
    code: 'MIGRATION_FAILED',
    message: expect.stringMatching(
      /^Migration 0002_second failed .*column "nonsense" does not exist/,
    ) as string,
    cause: { code: '42703' },
  })
  expect((await migrationStatus(await db(), await readMigrations(folder))).map((m) => m.state)).toEqual([
    'pending',
    'pending',
  ])
  await write('0002_second', 'create table b (id int);')
  expect(await run()).toEqual(['0001_first', '0002_second'])
})

test('a connection that is cut while it migrates is no failed migration', async () => {
  await write('0002_second', 'select pg_terminate_backend(pg_backend_pid());')
  await expect(run()).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
})

test('an older program goes on with a newer schema, unless the change is breaking', async () => {
  const older = await readMigrations(folder)
  await write('0002_harmless', '-- Why: more.\ncreate table b (id int);')
  await run()
  expect(await migrate(await db(), older)).toEqual([])
  expect((await migrationStatus(await db(), older)).map((m) => m.state)).toEqual(['applied', 'unknown'])
  await write('0003_breaking', '-- Why: less.\n--! breaking\ndrop table a;')
  await run()
  await expect(migrate(await db(), older)).rejects.toMatchObject({
    code: 'SCHEMA_TOO_NEW',
    message: expect.stringContaining('0003_breaking') as string,
  })
})

test('names that are no migration and numbers given twice are refused', async () => {
  await write('0001_twin', 'select 1;')
  await expect(readMigrations(folder)).rejects.toThrow('same number')
  await rm(join(folder, '0001_twin.sql'))
  await write('later', 'select 1;')
  await expect(readMigrations(folder)).rejects.toThrow('NNNN_name.sql')
})
