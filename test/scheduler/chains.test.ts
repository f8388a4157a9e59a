import fc from 'fast-check'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { claimReadySteps } from '../../src/db/steps/claim-ready-steps.js'
import { completeStep } from '../../src/db/steps/complete-step.js'
import { failStep } from '../../src/db/steps/end-attempt.js'
import { freeChains } from '../../src/db/steps/free-chains.js'
import { readChain, type ChainWishRow } from '../../src/db/steps/read-chain.js'
import { settleEnds } from '../../src/db/steps/settle-ends.js'
import { chainStart } from '../../src/processors/l2a/chain-mode.js'
import { l2a } from '../../src/processors/l2a/definition.js'
import { createL2aJob } from '../../src/scheduler/create-l2a-job.js'
import { acquireDate } from '../support/chains.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { stepOf } from '../support/queue.js'

let database: TestDatabase
let app: App
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
})
afterAll(() => database.close())
beforeEach(async () => {
  for (const table of ['product', 'job', 'acquisition'] as const) await app.db.deleteFrom(table).execute()
})

const acquire = (day: number, orbit = 51) => acquireDate(app.db, day, orbit)
const WISH: ChainWishRow = { maxAgeDays: 15, otherOrbits: false, backwardDates: 0 }
const plan = async (acquisitionIds: readonly number[], parameters = {}) =>
  (await createL2aJob(app.db, { acquisitionIds, parameters, createdBy: 'test' })).stepIds
const stepsOf = async (ids: readonly number[]) =>
  Promise.all(ids.map(async (id) => (await stepOf(app.db, id)).state))
const edgesOf = async (id: number) =>
  (
    await app.db
      .selectFrom('step_dependency')
      .select(['predecessor_id', 'end_suffices'])
      .where('step_id', '=', id)
      .execute()
  ).map((edge) => [edge.predecessor_id, edge.end_suffices])
const claim = async (id: number) => {
  const [key] = await claimReadySteps(app.db, {
    ...{ executor: 'local', node: 'here', pid: 1, leaseSeconds: 30 },
    grants: [{ id, threads: 1, settingsId: 0 }],
  })
  if (key === undefined) throw new Error(`step ${id} cannot be claimed`)
  return key
}

const BROKEN = { code: 'RASTER_UNREADABLE', failure: 'permanent' as const, message: 'cut', lastLines: [] }

/** What the state of a date says in these tests: which dates can be seen in it. A `clear` date forgets those before, as a clear image does. */
const stateOf = (day: number, isClear: boolean, before: string | null): string =>
  isClear ? `${day}` : `${before ?? ''}(${day})`

/** Does what an L2A step does: asks its chain, and publishes with what it took. Returns the mode. */
async function run(
  id: number,
  {
    wish = WISH,
    isClear = () => true,
    meanwhile = () => Promise.resolve(),
  }: {
    wish?: ChainWishRow
    isClear?: (day: number) => boolean
    /** What happens between the question and the answer. */
    meanwhile?: () => Promise<void>
  } = {},
): Promise<string> {
  const key = await claim(id)
  const { acquisition_id: acquisitionId } = (await stepOf(app.db, id)).params as { acquisition_id: number }
  const { sensed_at, relative_orbit } = await app.db
    .selectFrom('acquisition')
    .select(['sensed_at', 'relative_orbit'])
    .where('id', '=', acquisitionId)
    .executeTakeFirstOrThrow()
  const chain = await readChain(app.db, key, wish)
  if (chain === undefined) throw new Error('lost')
  await meanwhile()
  const mode = chainStart('auto', wish, {
    hasPrevious: chain.previous !== null,
    following: chain.following.length,
  })
  const day = (sensed_at!.getTime() - Date.UTC(2025, 3, 30, 10, 50)) / 86_400_000
  const backward = mode === 'backward' ? chain.following.map((f) => f.location).join() : null
  const time = sensed_at!.toISOString()
  await completeStep(
    app.db,
    key,
    [
      {
        name: `S2A_L2A_31TCJ_${time.slice(0, 19).replace(/[-:]/g, '')}_R${String(relative_orbit).padStart(3, '0')}`,
        ...{
          level: 'L2A',
          processor: 'l2a',
          processorVersion: l2a.version,
          satellite: 's2',
          platform: 'S2A',
        },
        ...{ tile: '31TCJ', sensedAt: time, relativeOrbit: relative_orbit, acquisitionId, bbox: null },
        location: `archive:${id}-${key.attempt}`,
        provenance: { parameters: l2a.params.parse({}) },
        chain: {
          ...wish,
          mode,
          digest: stateOf(day, isClear(day), mode === 'nominal' ? chain.previous!.digest : backward),
          previous: mode === 'nominal' ? chain.previous : null,
          following: mode === 'backward' ? chain.following.map((f) => f.acquisitionId) : [],
        },
      },
    ],
    {},
  )
  await settleEnds(app.db)
  return mode
}
const products = async () =>
  (
    await app.db
      .selectFrom('product')
      .innerJoin('chain_state', 'chain_state.product_id', 'product.id')
      .select(['sensed_at', 'mode', 'digest', 'stale_reason', 'revision'])
      .orderBy('sensed_at')
      .execute()
  ).map(({ sensed_at, stale_reason, ...rest }) => ({
    ...rest,
    day: sensed_at.toISOString().slice(5, 10),
    stale: stale_reason,
  }))
const staleIds = async (): Promise<number[]> =>
  (
    await app.db
      .selectFrom('product')
      .select('acquisition_id')
      .where('stale_since', 'is not', null)
      .orderBy('sensed_at')
      .execute()
  ).flatMap(({ acquisition_id }) => acquisition_id ?? [])
/** Makes again what is stale until nothing is; returns how many products were made. */
async function remake(options: Parameters<typeof run>[1]): Promise<number> {
  for (let made = 0; ;) {
    const ids = await staleIds()
    if (ids.length === 0) return made
    const steps = await plan(ids)
    for (const step of steps) {
      await run(step, options)
      made++
    }
    expect(made).toBeLessThan(200)
  }
}

test('steps of a chain wait for the end of the date before; other orbits and tiles do not', async () => {
  const [a, b, c] = [await acquire(1), await acquire(6), await acquire(11)]
  const other = await acquire(3, 94)
  const [first, second, third, apart] = (await plan([a, b, c, other])) as [number, number, number, number]
  // Oldest first: the other orbit lies between.
  expect(await edgesOf(second)).toEqual([])
  expect(await edgesOf(third)).toEqual([[first, true]])
  expect(await edgesOf(apart)).toEqual([[third, true]])
  expect(await stepsOf([first, second, third, apart])).toEqual(['ready', 'ready', 'blocked', 'blocked'])
})

test('a broken date is skipped: the next one takes the state before it, and none waits for ever', async () => {
  const days = [await acquire(1), await acquire(6), await acquire(11)]
  const [first, second, third] = (await plan(days)) as [number, number, number]
  expect(await run(first)).toBe('init')
  const key = await claim(second)
  await failStep(app.db, key, BROKEN, () => ({ kind: 'fail' }), {})
  await settleEnds(app.db)
  expect(await stepsOf([second, third])).toEqual(['failed', 'ready'])
  expect(await run(third)).toBe('nominal')
  expect(await products()).toMatchObject([
    { day: '05-01', mode: 'init' },
    { day: '05-11', mode: 'nominal', stale: null },
  ])
})

test('a date is too old for the next one after 15 days; the 15th still counts', async () => {
  for (const [day, mode] of [
    [1, 'init'],
    [16, 'nominal'],
    [32, 'init'],
  ] as const) {
    const [step] = await plan([await acquire(day)])
    expect(await run(step!), `day ${day}`).toBe(mode)
  }
})

test('another orbit is taken only where it is allowed, its own orbit first', async () => {
  for (const [day, orbit] of [
    [1, 51],
    [5, 94],
  ] as const)
    await run((await plan([await acquire(day, orbit)]))[0]!)
  const otherOrbits = { ...WISH, otherOrbits: true }
  const ask = async (day: number, wish: ChainWishRow) => {
    const [step] = await plan([await acquire(day)])
    const key = await claim(step!)
    const chain = await readChain(app.db, key, wish)
    await failStep(app.db, key, BROKEN, () => ({ kind: 'fail' }), {})
    await settleEnds(app.db)
    return chain?.previous && [chain.previous.name.slice(-20), chain.previous.isOtherOrbit]
  }
  expect(await ask(10, otherOrbits)).toEqual(['20250501T105000_R051', false])
  expect(await ask(18, WISH)).toBeNull()
  expect(await ask(19, otherOrbits)).toEqual(['20250505T105000_R094', true])
})

test('a late date makes the one behind it stale; a state that comes out the same stops the wave', async () => {
  const isClear = (day: number) => day !== 11
  for (const day of [1, 11, 16, 21]) await run((await plan([await acquire(day)]))[0]!, { isClear })
  await run((await plan([await acquire(6)]))[0]!, { isClear })
  expect(await products()).toMatchObject([
    { day: '05-01', stale: null },
    { day: '05-06', stale: null, mode: 'nominal' },
    {
      day: '05-11',
      stale: expect.stringContaining('20250506T105000_R051 comes before it in its chain') as string,
    },
    { day: '05-16', stale: null },
    { day: '05-21', stale: null },
  ])
  // The 11th is cloudy and hands on the other state: the 16th, clear, leaves the same state as before, and the 21st stays as it is.
  expect(await remake({ isClear })).toBe(2)
  expect((await products()).map(({ revision }) => revision)).toEqual([1, 1, 2, 2, 1])
})

test('a date that appears while the one behind it is made again leaves that one stale, to be made once more', async () => {
  for (const day of [1, 16]) await run((await plan([await acquire(day)]))[0]!)
  await run((await plan([await acquire(6)]))[0]!)
  const [late] = await staleIds()
  // Claimed with the state of the 6th; the 11th comes before it ends.
  const [again] = await plan([late!])
  const between = await acquire(11)
  await run(again!, {
    meanwhile: async () => {
      await run((await plan([between]))[0]!)
    },
  })
  expect(await staleIds()).toEqual([late])
  const { rows } = await sql<{ ok: boolean }>`
    select p.stale_since > s.started_at as ok from product p join step s on s.id = p.step_id where p.stale_since is not null`.execute(
    app.db,
  )
  expect(rows).toEqual([{ ok: true }])
  expect(await remake({})).toBe(1)
})

test('a stale product that could not be made again hands its state on no more', async () => {
  for (const day of [1, 11, 16]) await run((await plan([await acquire(day)]))[0]!)
  await run((await plan([await acquire(6)]))[0]!)
  const [stale] = await staleIds()
  const [again] = await plan([stale!])
  await failStep(app.db, await claim(again!), { ...BROKEN, code: 'TOO_CLOUDY' }, () => ({ kind: 'fail' }), {})
  expect(
    (await products()).map(({ day, stale: why }) => [
      day,
      why?.replace(/S2A_L2A_31TCJ_|T105000_R051/g, '') ?? null,
    ]),
  ).toEqual([
    ['05-01', null],
    ['05-06', null],
    ['05-11', 'product 20250506 comes before it in its chain'],
    ['05-16', 'product 20250506 comes before it in its chain'],
  ])
  const last = (await staleIds())[1]!
  await run((await plan([last]))[0]!)
  expect(await staleIds()).toEqual([stale])
})

test('what retention removes of L1 leaves a backward start as it is', async () => {
  const wish = { ...WISH, backwardDates: 2 }
  const ids: number[] = []
  for (const day of [1, 6, 11, 16]) ids.push(await acquire(day))
  for (const step of await plan(ids)) await run(step, { wish })
  expect((await products())[0]).toMatchObject({ mode: 'backward', stale: null })
  await app.db
    .updateTable('acquisition')
    .set({ state: 'ignored', reason_code: 'RETENTION', reason: 'old' })
    .where('id', '=', ids[1]!)
    .execute()
  expect(await staleIds()).toEqual([])
  await app.db
    .updateTable('acquisition')
    .set({ state: 'broken', reason: 'cut' })
    .where('id', '=', ids[2]!)
    .execute()
  expect(await staleIds()).toEqual([ids[0]])
})

test('what retention removed leaves its followers as they are, and is no state any more', async () => {
  for (const day of [1, 6]) await run((await plan([await acquire(day)]))[0]!)
  await app.db
    .updateTable('product')
    .set({ removed_at: new Date(), removed_reason: 'old' })
    .where('sensed_at', '<', new Date('2025-05-05'))
    .execute()
  expect(await staleIds()).toEqual([])
  const [step] = await plan([await acquire(11)])
  const chain = await readChain(app.db, await claim(step!), WISH)
  expect(chain?.previous?.history).toHaveLength(1)
})

test('a start without a state becomes a backward one when eight dates have followed, and again when one of them comes late', async () => {
  const wish = { ...WISH, backwardDates: 8 }
  for (const day of [1, 6, 11, 16, 26, 31, 36, 41])
    await run((await plan([await acquire(day)]))[0]!, { wish })
  expect((await products())[0]).toMatchObject({ mode: 'init', stale: null })
  const last = await acquire(46)
  expect((await products())[0]).toMatchObject({ stale: 'the dates of its backward start are others now' })
  await run((await plan([last]))[0]!, { wish })
  await remake({ wish })
  expect((await products())[0]).toMatchObject({ mode: 'backward', stale: null })
  await acquire(51)
  expect(await staleIds()).toEqual([])
  await acquire(21)
  expect((await products())[0]).toMatchObject({ stale: 'the dates of its backward start are others now' })
})

test('whatever the order of arrival, once nothing is stale every date has begun alike', async () => {
  const wish = { ...WISH, backwardDates: 3 }
  const days = [1, 6, 11, 16, 36, 41, 46]
  const isClear = (day: number) => day % 2 === 0
  const ends = new Set<string>()
  await fc.assert(
    fc.asyncProperty(
      fc.shuffledSubarray(days, { minLength: days.length }),
      fc.nat(2),
      async (order, atOnce) => {
        for (const table of ['product', 'job', 'acquisition'] as const)
          await app.db.deleteFrom(table).execute()
        for (let i = 0; i < order.length; i += atOnce + 1) {
          const ids: number[] = []
          for (const day of order.slice(i, i + atOnce + 1)) ids.push(await acquire(day))
          for (const step of await plan(ids)) await run(step, { wish, isClear })
        }
        await remake({ wish, isClear })
        ends.add(JSON.stringify((await products()).map(({ day, mode, digest }) => [day, mode, digest])))
      },
    ),
    { numRuns: 25 },
  )
  expect([...ends]).toHaveLength(1)
  expect((JSON.parse([...ends][0]!) as string[][]).map((date) => date.slice(0, 2))).toEqual([
    ['05-01', 'backward'],
    ['05-06', 'nominal'],
    ['05-11', 'nominal'],
    ['05-16', 'nominal'],
    ['06-05', 'init'],
    ['06-10', 'nominal'],
    ['06-15', 'nominal'],
  ])
})

test('a paused job or site holds no date of another: it goes on, and is made again when the paused one has come', async () => {
  const [first] = (await plan([await acquire(1)])) as [number]
  const [second] = (await plan([await acquire(6)])) as [number]
  const [third] = (await plan([await acquire(11)])) as [number]
  const { job_id: job } = await stepOf(app.db, first)
  const pause = (paused: boolean) => app.db.updateTable('job').set({ paused }).where('id', '=', job).execute()
  expect(await freeChains(app.db)).toBe(0)
  await pause(true)
  expect(await freeChains(app.db)).toBe(1)
  expect(await stepsOf([first, second, third])).toEqual(['ready', 'ready', 'blocked'])
  expect(await run(second)).toBe('init')
  expect(await run(third)).toBe('nominal')
  await pause(false)
  await run(first)
  expect(await staleIds()).toHaveLength(1)
  await remake({})
  expect((await products()).map(({ mode }) => mode)).toEqual(['init', 'nominal', 'nominal'])
})

test('dates of one paused job wait for each other as before', async () => {
  const steps = await plan([await acquire(1), await acquire(6)])
  await app.db.updateTable('job').set({ paused: true }).execute()
  expect(await freeChains(app.db)).toBe(0)
  expect(await stepsOf(steps)).toEqual(['ready', 'blocked'])
})

test('a chain that is planned while its steps run ends in order all the same', async () => {
  const [a, c] = [await acquire(1), await acquire(11)]
  const [first, third] = (await plan([a, c])) as [number, number]
  const [second] = (await plan([await acquire(6)])) as [number]
  expect(await edgesOf(second)).toEqual([[first, true]])
  expect((await edgesOf(third)).sort()).toEqual([
    [first, true],
    [second, true],
  ])
  for (const step of [first, second, third]) await run(step)
  expect(await staleIds()).toEqual([])
})
