import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { provenRoots } from '../../src/catalog/storage-roots.js'
import { insertJob } from '../../src/db/jobs/insert-job.js'
import { findJob } from '../../src/scheduler/queue-view.js'
import { Scheduler } from '../../src/scheduler/scheduler.js'
import { editSchedule } from '../../src/scheduler/schedules/manage.js'
import { lookAtSchedules } from '../../src/scheduler/schedules/look.js'
import { moveClock } from '../../src/scheduler/schedules/clock.js'
import { why } from '../../src/scheduler/why/why.js'
import { tilth } from '../support/cli.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { MemoryExecutor } from '../support/memory-executor.js'
import { setSetting } from '../support/queue.js'

let database: TestDatabase
let app: App
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
})
afterAll(() => database.close())
beforeEach(async () => {
  for (const table of ['job', 'acquisition', 'setting', 'site', 'fair_share', 'season_clock'] as const)
    await app.db.deleteFrom(table).execute()
  await setSetting(app.db, 'executor.cpu_slots', 2)
  await setSetting(app.db, 'storage.min_free_mb', 0)
})

const addJob = (steps: number, inS?: number) =>
  insertJob(app.db, {
    ...{ processor: 'l2a', siteId: null, params: {}, priority: 100, createdBy: 'test' },
    deadline: inS === undefined ? undefined : { inS },
    tasks: Array.from({ length: steps }, () => ({
      ...{ tile: '31TCJ', acquisitionId: null, params: {}, memoryMb: 64, cpu: 1 },
    })),
  })

/** Runs all that is queued; returns the job of each step in the order of the claims. */
async function drain(): Promise<number[]> {
  await new Scheduler({
    db: app.db,
    databaseUrl: app.databaseUrl,
    executor: new MemoryExecutor(app.db, () => 5),
    node: 'test',
    host: app.config.host,
    program: { version: app.config.version, schema: app.schema },
    proveRoots: () => provenRoots(app.db, app.config),
    log: { info: () => undefined, warn: () => undefined },
  }).run({ untilIdle: true })
  const rows = await app.db
    .selectFrom('step_event')
    .innerJoin('step', 'step.id', 'step_event.step_id')
    .select('step.job_id')
    .where('kind', '=', 'claimed')
    .orderBy('step_event.at')
    .orderBy('step_event.id')
    .execute()
  return rows.map(({ job_id }) => job_id)
}

// 20 steps of unknown cost, 60 s each, on 2 slots: 20 x 60 / 2 + 60 = 660 s of work, close to the deadline from 990 s on.
test('a job that comes close to its deadline overtakes an older one, and leaves it a fifth of the slots', async () => {
  const { id: old } = await addJob(60)
  const { id: urgent } = await addJob(20, 900)
  const order = await drain()
  expect(order).toHaveLength(80)
  const last = order.lastIndexOf(urgent)
  expect(last).toBeLessThan(32)
  const others = order.slice(0, last).filter((job) => job === old).length
  expect(others).toBeGreaterThanOrEqual(4)
})

test('a deadline that is far away, or without a share, changes no order', async () => {
  const { id: old } = await addJob(30)
  const { id: later } = await addJob(20, 3000)
  expect((await drain()).slice(0, 30).every((job) => job === old)).toBe(true)
  await app.db.deleteFrom('job').execute()
  await setSetting(app.db, 'fair.deadline_share', 0)
  const { id: first } = await addJob(30)
  await addJob(20, 300)
  const order = await drain()
  expect(order.slice(0, 30).every((job) => job === first)).toBe(true)
  expect(order).not.toContain(later)
})

test('of two close ones the one with less slack goes first', async () => {
  const { id: loose } = await addJob(10, 500)
  const { id: tight } = await addJob(10, 200)
  const order = await drain()
  expect(order.lastIndexOf(tight)).toBeLessThan(order.lastIndexOf(loose))
})

test('each job says how it stands to its deadline, before and after its end', async () => {
  const host = { node: 'test', proveRoots: () => Promise.resolve({}) }
  const { id } = await addJob(20, 3000)
  const look = async () => {
    const { deadline } = await findJob(app.db, id)
    const { reasons } = await why(app.db, `job:${id}`, host)
    return [deadline?.standing, Math.round(deadline?.remainingS ?? -1), reasons[1] ?? '']
  }
  const set = (seconds: number) =>
    sql`update job set deadline_at = now() + make_interval(secs => ${seconds}) where id = ${id}`.execute(
      app.db,
    )
  const text = (pattern: RegExp) => expect.stringMatching(pattern) as string
  expect(await look()).toEqual([
    'in time',
    660,
    text(
      /^its deadline .* UTC is not at risk: 50 min are left, and about 11 min of work are left, with all slots$/,
    ),
  ])
  await set(900)
  expect(await look()).toEqual(['at risk', 660, text(/is at risk: 15 min are left/)])
  // Two that wait for others lengthen what is left by two steps: they may have to run one after the other.
  await sql`update step set state = 'blocked' where id in (select id from step where job_id = ${id} order by id desc limit 2)`.execute(
    app.db,
  )
  expect((await look())[1]).toBe(780)
  await sql`update step set state = 'ready'`.execute(app.db)
  await set(-7300)
  expect(await look()).toEqual(['missed', 660, text(/is missed since 2 h: about 11 min of work/)])
  expect((await tilth(['jobs'], database.env)).stdout).toMatch(/, missed$/m)
  await sql`update step set state = 'succeeded', ended_at = now()`.execute(app.db)
  await sql`update job set state = 'succeeded', ended_at = now()`.execute(app.db)
  expect(await look()).toEqual(['missed', -1, text(/is missed: it ended 2 h after it$/)])
  await set(60)
  expect(await look()).toEqual(['met', -1, text(/is met: it ended \d+ s before it$/)])
  expect((await why(app.db, `job:${(await addJob(1)).id}`, host)).reasons).toHaveLength(1)
})

test('deadlines come from the command line and from schedules', async () => {
  await moveClock(app.db, { at: new Date('2026-06-10T12:00:00Z'), speed: 0, real: false })
  const { id: site } = await app.db
    .insertInto('site')
    .values({ slug: 'farm', name: 'farm', geometry: '{}', bbox: '(1,1),(0,0)' })
    .returning('id')
    .executeTakeFirstOrThrow()
  const days = { starts_on: '2026-05-01', mid_on: '2026-07-01', ends_on: '2026-09-30' }
  await app.db
    .insertInto('season')
    .values({ site_id: site, name: 'summer', ...days })
    .execute()
  await app.db
    .insertInto('site_tile')
    .values({ site_id: site, satellite: 's2', tile: '31TCJ', origin: 'auto', enabled: true })
    .execute()
  const acquire = (day: string) =>
    app.db
      .insertInto('acquisition')
      .values({
        ...{ identity: day, satellite: 's2', platform: 'S2A', tile: '31TCJ', sensed_at: `${day}T10:00:00Z` },
        ...{ location: `l1:${day}.SAFE`, state: 'present' },
      })
      .execute()
  const hours = async () => {
    const { rows } = await sql<{ h: number | null }>`
      select round(extract(epoch from deadline_at - created_at) / 3600)::int as h from job order by id desc limit 1`.execute(
      app.db,
    )
    return rows[0]?.h
  }
  await acquire('2026-06-01')
  const run = async (...args: string[]) => tilth(args, database.env)
  expect((await run('schedule', 'edit', 'farm', 'l2a', '--deadline', '36')).exitCode).toBe(0)
  expect((await run('schedule', 'show', 'farm', 'l2a')).stdout).toContain('deadline 36 h')
  await lookAtSchedules(app.db)
  expect(await hours()).toBe(36)
  expect((await editSchedule(app.db, { site: 'farm', name: 'l2a' }, { deadlineH: 0 })).deadlineH).toBeNull()
  await acquire('2026-06-05')
  expect(await run('process', '--site', 'farm', '--deadline', 'soon')).toMatchObject({
    exitCode: 64,
    stdout: '',
  })
  expect((await run('process', '--site', 'farm', '--deadline', '2d')).stdout).toMatch(/: 1 steps/)
  expect(await hours()).toBe(48)
  await acquire('2026-06-07')
  await sql`update schedule set look_at = now()`.execute(app.db)
  await lookAtSchedules(app.db)
  expect(await hours()).toBeNull()
})
