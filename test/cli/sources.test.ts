import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import type { App } from '../../src/app.js'
import { withSessionLock } from '../../src/db/with-session-lock.js'
import { temporaryFolder, tilth } from '../support/cli.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { SourceServer, status, type Served } from '../support/source-server.js'
import { addFields, addStac, fastSources, servedProduct } from '../support/sources.js'

// Each command is a process of its own.
vi.setConfig({ testTimeout: 180_000 })

const folder = temporaryFolder('sources cli')
let database: TestDatabase
let app: App
let server: SourceServer
let may: Served
let june: Served
const run = (...args: string[]) =>
  tilth(['sources', ...args], { ...database.env, MY_TOKEN: 'the value itself' })

beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
  server = await SourceServer.start()
  may = await servedProduct(folder, { date: '2025-05-10' })
  june = await servedProduct(folder, { date: '2025-06-09', cloud: 90 })
  await addFields(app)
})
afterAll(async () => {
  await server.close()
  await database.close()
})
beforeEach(async () => {
  server.reset()
  for (const table of ['source', 'acquisition', 'setting'] as const) await app.db.deleteFrom(table).execute()
  await fastSources(app)
})

test('a source is added, tested, edited, run, listed and removed', async () => {
  server.products = [may, june]
  const config = join(folder, 'config.json')
  writeFileSync(
    config,
    JSON.stringify({ url: `${server.url}/stac`, collections: ['l1c'], auth: { kind: 'bearer' } }),
  )
  const add = ['add', 'mine', '--satellite', 's2', '--kind', 'stac', '--config', config, '--order', '5']
  expect(await run(...add)).toMatchObject({
    exitCode: 78,
    stderr: expect.stringContaining('needs credentials: token') as string,
  })
  const given = await run(...add, '--credential', 'token=hunter2')
  expect(given).toMatchObject({ exitCode: 64, stderr: expect.not.stringContaining('hunter2') as string })
  expect(
    await run(...add, '--credential', 'token=env:MY_TOKEN', '--set', 'filters.cloud_max=80'),
  ).toMatchObject({ exitCode: 0 })
  expect(await run(...add, '--credential', 'token=env:MY_TOKEN')).toMatchObject({ exitCode: 65 })

  const tested = await run('test')
  expect(tested).toMatchObject({ exitCode: 0, stderr: '' })
  expect(tested.stdout).toContain('credential token from env:MY_TOKEN: found')
  expect(tested.stdout).toContain('asked for site fields, 2025-03-01 to 2025-10-31')
  expect(tested.stdout).toContain('2 products: 1 wanted, 1 left out by filters, 0 of no site')
  expect(tested.stdout).not.toContain('the value itself')
  expect(server.asked[0]?.headers.authorization).toBe('Bearer the value itself')
  expect(await app.db.selectFrom('acquisition').selectAll().execute()).toEqual([])

  const done = await run('run', '--json')
  expect(done.exitCode).toBe(0)
  const lines = done.stdout.split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(lines).toMatchObject([
    { source: 'mine', counts: { wanted: 1, refused: 1, fresh: 2 } },
    { kind: 'fetched', product: may.name, source: 'mine' },
    { fetched: 1, failed: 0, waiting: 0, stopped: null },
  ])

  const why = await tilth(['why', `acquisition:${june.name}`], database.env)
  expect(why.stdout).toContain('is left out')
  expect(why.stdout).toMatch(
    /source mine leaves it out: FILTER_CLOUD: 90\.0 % clouds, at most 80 % are wanted/,
  )
  expect(why.stdout).toContain('-> tilth sources edit mine')

  expect(
    await run('edit', 'mine', '--unset', 'filters.cloud_max', '--set', 'filters.orbits=[1]'),
  ).toMatchObject({ exitCode: 0 })
  const listed = await run('list', '--json')
  expect(JSON.parse(listed.stdout)).toMatchObject([
    { name: 'mine', place: 5, config: { filters: { orbits: [1] } }, credentials: { token: 'env:MY_TOKEN' } },
  ])
  expect(await run('edit', 'mine', '--disable')).toMatchObject({ exitCode: 0 })
  expect((await run('list')).stdout).toMatch(/s2 +5 +mine +stac +\(all\) .* disabled/)
  expect(await run('remove', 'mine')).toMatchObject({ exitCode: 0 })
  expect((await run('list')).stdout).toBe('none')
  expect(await run('remove', 'mine')).toMatchObject({ exitCode: 66 })
})

test('what waits is said by why: for a turn, for a service, for a quota; given up with what to do', async () => {
  server.products = [may]
  await addStac(app, server.url)
  expect((await run('run', '--no-fetch')).stdout).toContain('stac: 1 products, 1 wanted')
  const why = async () => (await tilth(['why', `acquisition:${may.name}`], database.env)).stdout
  expect(await why()).toMatch(
    /was found and is not fetched yet\n {2}it may be fetched now: .*\n {2}source stac has it\n {2}-> tilth sources run/,
  )
  server.once(/product\.zip/, status(503, { 'retry-after': '7200' }))
  expect((await run('run')).exitCode).toBe(0)
  expect(await why()).toMatch(
    /source stac has it and is asked again at 20\d\d-.* UTC; 0 failed, the last with SOURCE_BUSY: .*wait 7200 s/,
  )
  server.once(/product\.zip/, status(404))
  await app.db
    .updateTable('source')
    .set({ next_run_at: new Date(0) })
    .execute()
  const given = await run('run', '--retry')
  expect(given.stderr).toMatch(/given up .*ASSET_MISSING/)
  expect(await why()).toMatch(
    /could not be fetched\n {2}source stac was given up: ASSET_MISSING: .*\n.*\n {2}-> tilth sources run --retry/,
  )
  const retried = await run('run', '--retry')
  expect(retried.stdout).toContain(`present  ${may.name}`)
})

test('exit statuses: that of the error, and 75 while another run is at work', async () => {
  await addStac(app, `${server.url}/nothing`)
  expect(await run('test')).toMatchObject({
    exitCode: 65,
    stdout: expect.stringContaining('SOURCE_ANSWER_INVALID') as string,
  })
  expect(await run('run')).toMatchObject({ exitCode: 65 })
  expect((await run('list')).stdout).toMatch(/SOURCE_ANSWER_INVALID: .*asked again at/)
  expect(await run('run', 'nobody')).toMatchObject({ exitCode: 66 })
  await withSessionLock(app.db, 'tilth sources look', async () => {
    expect(await run('run')).toMatchObject({ exitCode: 75 })
  })
})

test('a site without a season is asked for nothing, and that is said', async () => {
  await addStac(app, server.url)
  await app.db.updateTable('site').set({ paused: true }).execute()
  try {
    expect((await run('test')).stdout).toContain('asked for nothing')
    expect(server.asked).toEqual([])
  } finally {
    await app.db.updateTable('site').set({ paused: false }).execute()
  }
})
