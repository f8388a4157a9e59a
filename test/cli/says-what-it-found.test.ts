import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { addSite } from '../../src/catalog/sites.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { tilth } from '../support/cli.js'
import { insertSteps } from '../support/queue.js'

let database: TestDatabase
let app: App
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
})
afterAll(() => database.close())
beforeEach(async () => {
  for (const table of ['product', 'job', 'site', 'node'] as const) await app.db.deleteFrom(table).execute()
})
const run = async (...args: string[]) => {
  const { exitCode, stdout, stderr } = await tilth(args, database.env)
  return [exitCode, stdout, stderr.trim()]
}

test('a retry or cancel of what has ended, or a pause of a job that has, is refused and says how it stands', async () => {
  const { id: job, stepIds } = await insertSteps(app.db, [{}, {}])
  const [step] = stepIds
  expect(await run('retry', `${step!}`)).toEqual([
    65,
    '',
    expect.stringMatching(/^error CONFLICT: Step \d+ is ready: only failed, quarantined and cancelled steps/),
  ])
  await sql`update step set state = 'succeeded', ended_at = now()`.execute(app.db)
  await sql`update job set state = 'succeeded', ended_at = now()`.execute(app.db)
  expect(await run('cancel', `${step!}`)).toEqual([
    65,
    '',
    `error CONFLICT: Step ${step!} is succeeded: nothing waits or runs that could be cancelled.`,
  ])
  expect(await run('cancel', `job:${job}`)).toEqual([
    65,
    '',
    expect.stringContaining(`The steps of job ${job} are 2 succeeded: nothing waits`),
  ])
  expect(await run('retry', `job:${job}`)).toEqual([
    65,
    '',
    expect.stringContaining(`The steps of job ${job} are 2 succeeded: only`),
  ])
  expect(await run('pause', 'job', `${job}`)).toEqual([
    65,
    '',
    `error CONFLICT: Job ${job} is succeeded: nothing is left to pause.`,
  ])
})

test('a second cancel of a running step says that it is asked to end, and is no failure', async () => {
  const { stepIds } = await insertSteps(app.db, [{}])
  await sql`update step set state = 'running', lease_expires_at = now() + interval '1 hour'`.execute(app.db)
  const said = [0, '0 cancelled, 1 running asked to end', '']
  expect(await run('cancel', `${stepIds[0]!}`)).toEqual(said)
  expect(await run('cancel', `${stepIds[0]!}`)).toEqual(said)
})

test('steps and jobs of what does not exist are no empty list', async () => {
  expect(await run('steps', '--job', '99')).toEqual([
    66,
    '',
    'error NOT_FOUND: There is no job 99. See `tilth jobs`.',
  ])
  for (const list of ['steps', 'jobs'])
    expect(await run(list, '--site', 'nowhere')).toEqual([
      66,
      '',
      expect.stringContaining("no site 'nowhere'"),
    ])
})

test('process and plan name a tile that the site does not have, has switched off, or that has no acquisition', async () => {
  const corners = [
    [1.4, 43.5],
    [1.45, 43.5],
    [1.45, 43.55],
    [1.4, 43.5],
  ]
  await addSite(app.db, { name: 'Farm', area: { type: 'Polygon', coordinates: [corners] } as never })
  for (const command of [
    ['process', '--site', 'farm'],
    ['plan', 'farm'],
  ]) {
    expect(await run(...command, '--tile', '33UUU')).toEqual([
      66,
      '',
      "error NOT_FOUND: Site 'farm' has no tile 33UUU. See `tilth tiles farm` for those it has.",
    ])
    expect(await run(...command, '--tile', '31tcj')).toEqual([
      0,
      expect.anything(),
      'tile 31TCJ: no present acquisition fits; `tilth acquisitions --tile 31TCJ` lists what there is',
    ])
  }
  expect(await run('process', '--site', 'farm')).toEqual([
    0,
    expect.stringContaining('no present acquisition fits'),
    '',
  ])
  await sql`update site_tile set enabled = false where tile = '31TCJ'`.execute(app.db)
  expect(await run('process', '--site', 'farm', '--tile', '31TCJ')).toEqual([
    66,
    '',
    expect.stringContaining(
      "Tile 31TCJ of site 'farm' is switched off. Switch it on with `tilth tiles set farm --enable 31TCJ`",
    ),
  ])
})

test('a wish for a node that is gone says when it counts; an unknown node is NOT_FOUND', async () => {
  await sql`
    insert into node (name, executor, host, slots, memory_mb, program, schema, heartbeat_s, last_seen_at)
    values ('old', 'local', 'h', 1, 1, 'p', 's', 1, now() - interval '1 hour')`.execute(app.db)
  for (const [command, wish] of [
    [['nodes', 'drain', 'old'], 'draining'],
    [['nodes', 'pause', 'old'], 'paused'],
    [['pause', 'node', 'old'], 'paused'],
  ] as const)
    expect(await run(...command)).toEqual([
      0,
      expect.anything(),
      expect.stringMatching(
        `^node old is gone, last seen 36\\d\\d s ago: it will be ${wish} when its .tilth up. runs again$`,
      ),
    ])
  expect(await run('nodes', 'drain', 'odl')).toEqual([66, '', expect.stringContaining("no node 'odl'")])
})
