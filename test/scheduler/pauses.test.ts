import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { selection } from '../../src/cli/queue-options.js'
import { insertJob } from '../../src/db/jobs/insert-job.js'
import { claimReadySteps } from '../../src/db/steps/claim-ready-steps.js'
import { failStep, releaseSteps } from '../../src/db/steps/end-attempt.js'
import { freeChains } from '../../src/db/steps/free-chains.js'
import { hasOpenSteps } from '../../src/db/steps/has-open-steps.js'
import { listReadySteps } from '../../src/db/steps/list-ready-steps.js'
import { nextRetryS } from '../../src/db/steps/next-retry.js'
import { queueSummary } from '../../src/db/steps/queue-summary.js'
import { createL2aJob } from '../../src/scheduler/create-l2a-job.js'
import type { NamedSteps } from '../../src/scheduler/named-steps.js'
import { setPaused, type Pausable } from '../../src/scheduler/pause.js'
import { cancel, retry } from '../../src/scheduler/queue-view.js'
import { moveClock } from '../../src/scheduler/schedules/clock.js'
import { lookAtSchedules } from '../../src/scheduler/schedules/look.js'
import { why } from '../../src/scheduler/why/why.js'
import { tilth } from '../support/cli.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { stepOf } from '../support/queue.js'

let database: TestDatabase
let app: App
let region: number
let farm: number
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
})
afterAll(() => database.close())
beforeEach(async () => {
  for (const table of ['job', 'acquisition', 'site', 'season_clock'] as const)
    await app.db.deleteFrom(table).execute()
  await sql`truncate step_ended`.execute(app.db)
  region = await addSite('region', null)
  farm = await addSite('farm', region)
  await app.db
    .insertInto('season')
    .values({
      site_id: region,
      name: 'summer',
      starts_on: '2026-05-01',
      mid_on: '2026-07-01',
      ends_on: '2026-09-30',
    })
    .execute()
})

async function addSite(slug: string, parent: number | null): Promise<number> {
  const { id } = await app.db
    .insertInto('site')
    .values({ slug, name: slug, parent_id: parent, geometry: '{}', bbox: '(1,1),(0,0)' })
    .returning('id')
    .executeTakeFirstOrThrow()
  return id
}

/** A job of one step for each tile. */
const addJob = (tiles: readonly string[], siteId: number | null = farm, season?: string) =>
  insertJob(app.db, {
    ...{ processor: 'l2a', siteId, season, params: {}, priority: 100, createdBy: 'test' },
    tasks: tiles.map((tile) => ({ tile, acquisitionId: null, params: {}, memoryMb: 64, cpu: 1 })),
  })
const ready = async () =>
  (await listReadySteps(app.db, { executor: 'local', limit: 100 })).map(({ id }) => id)
const host = { node: 'test', proveRoots: () => Promise.resolve({}) }
const reasonsOf = async (id: number) => (await why(app.db, `step:${id}`, host)).reasons
const claim = (ids: readonly number[]) =>
  claimReadySteps(app.db, {
    ...{ executor: 'local', node: 'here', pid: 1, leaseSeconds: 30 },
    grants: ids.map((id) => ({ id, threads: 1, settingsId: 0 })),
  })
const isOpen = () => hasOpenSteps(app.db, { executor: 'local' })
async function follow(step: number, predecessor: number, endSuffices = false): Promise<void> {
  await app.db.updateTable('step').set({ state: 'blocked' }).where('id', '=', step).execute()
  await app.db
    .insertInto('step_dependency')
    .values({ step_id: step, predecessor_id: predecessor, end_suffices: endSuffices })
    .execute()
}

describe('a pause', () => {
  test('holds the steps of its level and no others, says so, and ends with the resume', async () => {
    const [asked, other] = [await addJob(['31TCJ', '31TDJ'], farm, 'summer'), await addJob(['31TCJ'], null)]
    const [a, b] = asked.stepIds as [number, number]
    const c = other.stepIds[0]!
    const levels: [Pausable, number[], string][] = [
      [{ kind: 'site', slug: 'region' }, [c], 'parent site region is paused'],
      [{ kind: 'season', site: 'region', name: 'summer' }, [c], 'season summer is paused'],
      [{ kind: 'job', id: asked.id }, [c], `job ${asked.id} is paused`],
      [{ kind: 'tile', job: asked.id, tile: 'T31TCJ' }, [b, c], `step ${a} is paused`],
      [{ kind: 'step', id: a }, [b, c], `step ${a} is paused`],
    ]
    for (const [what, left, reason] of levels) {
      await setPaused(app.db, what, true)
      expect((await ready()).sort(), what.kind).toEqual(left)
      expect(await reasonsOf(a), what.kind).toEqual([reason])
      expect((await queueSummary(app.db, { executor: 'local' })).open, what.kind).toBe(left.length)
      await setPaused(app.db, what, false)
      expect((await ready()).sort(), what.kind).toEqual([a, b, c])
      expect(await reasonsOf(a), what.kind).not.toContain(reason)
    }
    expect(await claim([a])).toHaveLength(1)
  })

  test('of many steps hides none behind them, and a claim that was about to be made finds it', async () => {
    const { id, stepIds } = await addJob([...Array.from({ length: 300 }, () => '31TCJ'), '31TDJ'])
    await setPaused(app.db, { kind: 'tile', job: id, tile: '31TCJ' }, true)
    expect(await ready()).toEqual([stepIds.at(-1)])
    expect(await claim(stepIds)).toHaveLength(1)
    const { rows } = await sql<{ 'QUERY PLAN': string }>`
      explain select id from step where state = 'ready' and not paused and executor = 'local' and processor = 'l2a'
        and coalesce(site_id, 0) = ${sql.lit(farm)} and job_id = ${sql.lit(id)} order by priority, ready_at, id limit 1`.execute(
      app.db,
    )
    expect(rows.map((row) => row['QUERY PLAN']).join()).toContain('step_claim_idx')
  })

  test('of a running step lets it end, and holds its next attempt until the resume', async () => {
    const { stepIds } = await addJob(['31TCJ'])
    const id = stepIds[0]!
    const [key] = await claim([id])
    await setPaused(app.db, { kind: 'step', id }, true)
    expect(await isOpen()).toBe(true)
    const failure = { code: 'DISK_FULL', failure: 'resource' as const, message: 'full', lastLines: [] }
    await failStep(app.db, key!, failure, () => ({ kind: 'retry', delayS: 0 }), {})
    expect([await ready(), await isOpen(), await nextRetryS(app.db, { executor: 'local' })]).toEqual([
      [],
      false,
      null,
    ])
    await setPaused(app.db, { kind: 'step', id }, false)
    const [again] = await claim(await ready())
    await releaseSteps(app.db, { kind: 'claim', id, attempt: again!.attempt }, 'test')
    expect(await ready()).toEqual([id])
    const kinds = await app.db
      .selectFrom('step_event')
      .select('kind')
      .where('step_id', '=', id)
      .orderBy('id')
      .execute()
    expect(kinds.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['claimed', 'paused', 'failed', 'resumed', 'released']),
    )
  })

  test('of a step holds what waits for it, so that nobody waits for it in vain', async () => {
    const { stepIds } = await addJob(['31TCJ', '31TCJ', '31TCJ'])
    const [a, b, c] = stepIds as [number, number, number]
    await follow(b, a)
    await follow(c, b)
    expect(await isOpen()).toBe(true)
    await setPaused(app.db, { kind: 'step', id: a }, true)
    expect(await isOpen()).toBe(false)
    expect((await stepOf(app.db, c)).paused).toBe(true)
    // One that is added later waits behind a paused one too.
    const later = await addJob(['31TCJ'])
    await follow(later.stepIds[0]!, c)
    expect(await isOpen()).toBe(false)
    await setPaused(app.db, { kind: 'step', id: a }, false)
    expect([await isOpen(), (await stepOf(app.db, c)).paused]).toEqual([true, false])
  })

  test('of a date of a chain lets the later dates go on', async () => {
    const { stepIds } = await addJob(['31TCJ', '31TCJ', '31TCJ'], farm, 'summer')
    const [a, b, c] = stepIds as [number, number, number]
    for (const [step, predecessor] of [
      [b, a],
      [c, b],
    ] as const)
      await follow(step, predecessor, true)
    await setPaused(app.db, { kind: 'step', id: a }, true)
    expect((await stepOf(app.db, b)).paused).toBe(false)
    expect(await isOpen()).toBe(true)
    expect(await freeChains(app.db)).toBe(1)
    expect(await ready()).toEqual([b])
    // All of them paused together wait for each other as before.
    await setPaused(app.db, { kind: 'season', site: 'region', name: 'summer' }, true)
    expect([await freeChains(app.db), await isOpen()]).toEqual([0, false])
    expect((await stepOf(app.db, c)).state).toBe('blocked')
  })

  test('of a season stops its schedules, and only those', async () => {
    await moveClock(app.db, { at: new Date('2026-06-10T12:00:00Z'), speed: 0, real: false })
    await findOnTile(region)
    const season: Pausable = { kind: 'season', site: 'region', name: 'summer' }
    await setPaused(app.db, season, true)
    expect(await lookAtSchedules(app.db)).toEqual([])
    const { reasons, next } = await why(app.db, 'region', host)
    expect(reasons).toContain('season summer is paused: nothing that is asked for it starts')
    expect(next).toContain('tilth resume season region/summer')
    await setPaused(app.db, season, false)
    const [looked] = await lookAtSchedules(app.db)
    expect(looked).toMatchObject({ steps: 1 })
    const job = await app.db
      .selectFrom('job')
      .selectAll()
      .where('id', '=', looked!.jobId)
      .executeTakeFirstOrThrow()
    const own = await app.db.selectFrom('season').select('id').executeTakeFirstOrThrow()
    expect(job.season_id).toBe(own.id)
  })
})

describe('cancel and retry', () => {
  test('take a step, a job, a tile of a job, a site with its sub-sites, and a season', async () => {
    const states = async (ids: readonly number[]) =>
      Promise.all(ids.map(async (id) => (await stepOf(app.db, id)).state === 'cancelled'))
    const asked = await addJob(['31TCJ', '31TDJ'], farm, 'summer')
    const other = await addJob(['31TCJ'], null)
    const all = [...asked.stepIds, ...other.stepIds]
    const cases: [NamedSteps, boolean[]][] = [
      [{ kind: 'step', id: all[1]! }, [false, true, false]],
      [{ kind: 'job', id: asked.id }, [true, true, false]],
      [{ kind: 'tile', job: asked.id, tile: '31TDJ' }, [false, true, false]],
      [{ kind: 'site', slug: 'region' }, [true, true, false]],
      [{ kind: 'season', site: 'region', name: 'summer' }, [true, true, false]],
    ]
    for (const [named, cancelled] of cases) {
      const n = cancelled.filter(Boolean).length
      expect(await cancel(app.db, named), named.kind).toEqual({ cancelled: n, asked: 0 })
      expect(await states(all), named.kind).toEqual(cancelled)
      await expect(cancel(app.db, named), named.kind).rejects.toMatchObject({ code: 'CONFLICT' })
      expect(await retry(app.db, named), named.kind).toEqual({ retried: n })
      await expect(retry(app.db, named), named.kind).rejects.toMatchObject({ code: 'CONFLICT' })
    }
  })

  test('and pauses of what there is not, or has ended, are refused with the reason', async () => {
    const { id, stepIds } = await addJob(['31TCJ'])
    for (const [what, text] of [
      [{ kind: 'season', site: 'farm', name: 'summer' }, 'of its parent'],
      [{ kind: 'season', site: 'region', name: 'winter' }, 'it has summer'],
      [{ kind: 'site', slug: 'nowhere' }, 'nowhere'],
      [{ kind: 'tile', job: id, tile: '31TDJ' }, `tilth steps --job ${id}`],
      [{ kind: 'step', id: 999_999 }, 'tilth steps'],
    ] as const) {
      for (const call of [
        () => setPaused(app.db, what, true),
        () => cancel(app.db, what),
        () => retry(app.db, what),
      ])
        await expect(call()).rejects.toMatchObject({
          code: 'NOT_FOUND',
          message: expect.stringContaining(text) as string,
        })
    }
    const step = { kind: 'step', id: stepIds[0]! } as const
    await expect(setPaused(app.db, step, false)).rejects.toMatchObject({ code: 'CONFLICT' })
    await cancel(app.db, step)
    await expect(setPaused(app.db, step, true)).rejects.toMatchObject({ code: 'CONFLICT' })
  })
})

test('the words of the command line', async () => {
  expect(
    ['17', 'step:17', 'job:4', 'tile:4/31TCJ', 'site:farm', 'season:farm/summer 2026'].map(selection),
  ).toEqual([
    { kind: 'step', id: 17 },
    { kind: 'step', id: 17 },
    { kind: 'job', id: 4 },
    { kind: 'tile', job: 4, tile: '31TCJ' },
    { kind: 'site', slug: 'farm' },
    { kind: 'season', site: 'farm', name: 'summer 2026' },
  ])
  for (const wrong of ['farm', 'job:x', 'tile:31TCJ', 'tile:4', 'season:farm', 'node:a'])
    expect(() => selection(wrong), wrong).toThrow(/expected NUMBER: a step/)
  const { id } = await addJob(['31TCJ'], farm, 'summer')
  const run = async (...args: string[]) => tilth(args, database.env)
  expect((await run('pause', 'tile', `${id}/31TCJ`)).stdout).toBe(`tile ${id}/31TCJ is paused`)
  expect((await run('steps', '--job', String(id))).stdout).toContain('ready, paused')
  expect((await run('resume', 'tile', `${id}/31TCJ`)).stdout).toContain('goes on')
  expect((await run('pause', 'season', 'region/summer')).stdout).toBe('season region/summer is paused')
  expect((await run('jobs')).stdout).toContain('active, its season paused')
  expect((await run('cancel', 'season:region/summer')).stdout).toBe('1 cancelled, 0 running asked to end')
  expect(await run('pause', 'galaxy', 'x')).toMatchObject({ exitCode: 64 })
})

test('a job that is asked for a season of the parent belongs to that season', async () => {
  await findOnTile(farm)
  const { stepIds } = await createL2aJob(app.db, { site: 'farm', season: 'summer', createdBy: 'test' })
  await setPaused(app.db, { kind: 'season', site: 'region', name: 'summer' }, true)
  expect(await ready()).toEqual([])
  await setPaused(app.db, { kind: 'season', site: 'region', name: 'summer' }, false)
  expect(await ready()).toEqual(stepIds)
})

/** A scene of the summer on a tile of the site. */
async function findOnTile(siteId: number): Promise<void> {
  await app.db
    .insertInto('site_tile')
    .values({ site_id: siteId, satellite: 's2', tile: '31TCJ', origin: 'auto', enabled: true })
    .execute()
  await app.db
    .insertInto('acquisition')
    .values({
      ...{
        identity: 'a',
        satellite: 's2',
        platform: 'S2A',
        tile: '31TCJ',
        sensed_at: '2026-06-01T10:00:00Z',
      },
      ...{ location: 'l1:a.SAFE', state: 'present' },
    })
    .execute()
}
