import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.js'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.close())

// After a new migration: npx vitest run test/db/types.test.ts -u
test('the table types are those that kysely-codegen makes from the migrations', async () => {
  const { stdout } = await execa('npx', [
    'kysely-codegen',
    ...['--dialect', 'postgres', '--url', database.url, '--print', '--log-level', 'silent'],
    // As the parsers of src/db/connect.ts read them.
    ...['--date-parser', 'string', '--type-mapping', JSON.stringify({ int8: 'number', box: 'string' })],
    ...['--exclude-pattern', '{kysely_*,migration_checksum}'],
  ])
  await expect(`${stdout.trim()}\n`).toMatchFileSnapshot('../../src/db/types.ts')
})
