import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { Leader, type Duty } from '../../src/scheduler/leader.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { eventually } from '../support/queue.js'

let database: TestDatabase
let app: App
const leaders: Leader[] = []
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
})
afterEach(async () => {
  await Promise.all(leaders.splice(0).map((leader) => leader.close()))
})
afterAll(() => database.close())

function leader(duties: readonly Duty[] = []): Leader {
  const log = { info: () => undefined, warn: () => undefined }
  const made = new Leader({ databaseUrl: database.url, duties, log, tryMs: 100 })
  leaders.push(made)
  return made
}
const leading = () => Promise.resolve(leaders.filter(({ isLeading }) => isLeading).length === 1)
const holders = async () =>
  (
    await app.pool.query<{ pid: number }>(
      `select l.pid from pg_locks l join pg_database d on d.oid = l.database
       where l.locktype = 'advisory' and d.datname = current_database()`,
    )
  ).rows.map(({ pid }) => pid)

test('one of three leads; when it ends, another does, and in the end no lock is left', async () => {
  for (let i = 0; i < 3; i++) leader()
  await eventually(leading, 'one leads')
  const first = leaders.find(({ isLeading }) => isLeading)!
  await first.close()
  leaders.splice(leaders.indexOf(first), 1)
  await eventually(leading, 'another leads')
  expect(await holders()).toHaveLength(1)
  await Promise.all(leaders.splice(0).map((one) => one.close()))
  expect(await holders()).toEqual([])
})

test('who loses the connection has lost the lead, and its duties stop; another takes over within seconds', async () => {
  const done: string[] = []
  const aborted: string[] = []
  const duty = (name: string): Duty => ({
    name,
    everyS: 0.02,
    run: (signal) => {
      done.push(name)
      signal.addEventListener('abort', () => aborted.push(name), { once: true })
      return Promise.resolve()
    },
  })
  const a = leader([duty('a')])
  leader([duty('b')])
  await eventually(() => Promise.resolve(done.length > 3), 'duties are done')
  expect(new Set(done).size).toBe(1)
  const before = a.isLeading ? 'a' : 'b'
  const cut = performance.now()
  await app.pool.query('select pg_terminate_backend($1)', [(await holders())[0]])
  await eventually(() => Promise.resolve(aborted.includes(before)), 'the first hears of it')
  // Either may be the next; the lock decides, and never are there two.
  await eventually(leading, 'one leads again')
  expect(performance.now() - cut).toBeLessThan(20_000)
  expect(await holders()).toHaveLength(1)
  done.length = 0
  await eventually(() => Promise.resolve(done.length > 3), 'duties go on')
  expect(new Set(done).size).toBe(1)
  expect(done[0]).toBe(a.isLeading ? 'a' : 'b')
})

test('a duty that fails is done again', async () => {
  let times = 0
  leader([{ name: 'bad', everyS: 0.02, run: () => Promise.reject(new Error(`failure ${++times}`)) }])
  await eventually(() => Promise.resolve(times > 2), 'it is tried again')
})
