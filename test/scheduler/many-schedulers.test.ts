import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { provenRoots } from '../../src/catalog/storage-roots.js'
import { addSite, parseArea } from '../../src/catalog/sites.js'
import { Scheduler } from '../../src/scheduler/scheduler.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { MemoryExecutor } from '../support/memory-executor.js'
import { insertSteps, setSetting } from '../support/queue.js'

const PARALLEL = 'processor.l2a.max_parallelism'
const SLOTS = 3
const NODES = ['one', 'two', 'three']
const quiet = { info: () => undefined, warn: () => undefined }
let database: TestDatabase
let app: App
const sites: Record<string, number> = {}

beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
  const area = parseArea(
    '{"type":"Polygon","coordinates":[[[1.4,43.5],[1.5,43.5],[1.5,43.6],[1.4,43.6],[1.4,43.5]]]}',
  )
  await addSite(app.db, { name: 'region', area })
  await addSite(app.db, { name: 'east', area, parent: 'region' })
  await addSite(app.db, { name: 'west', area, parent: 'region' })
  await addSite(app.db, { name: 'other', area })
  for (const { slug, id } of await app.db.selectFrom('site').select(['slug', 'id']).execute())
    sites[slug] = id
})
afterAll(() => database.close())
beforeEach(async () => {
  await app.db.deleteFrom('job').execute()
  await app.db.deleteFrom('setting').execute()
  await setSetting(app.db, 'executor.cpu_slots', SLOTS)
  await setSetting(app.db, 'storage.min_free_mb', 0)
})

/** What ran at each claim, by the order in which claims and ends were written: an end is written before the claim that saw it. */
async function runningAtClaims(): Promise<{ site: number | null; node: string }[][]> {
  const events = await app.db
    .selectFrom('step_event')
    .innerJoin('step', 'step.id', 'step_event.step_id')
    .select(['kind', 'step_id', 'site_id', 'node'])
    .where('kind', 'in', ['claimed', 'succeeded'])
    .orderBy('step_event.at')
    .orderBy('step_event.id')
    .execute()
  const now = new Map<number, { site: number | null; node: string }>()
  return events.flatMap(({ kind, step_id, site_id, node }) => {
    if (kind === 'succeeded') now.delete(step_id)
    else now.set(step_id, { site: site_id, node: node ?? '' })
    return kind === 'claimed' ? [[...now.values()]] : []
  })
}

/** Multiplicative congruential generator of Park and Miller: the same cases in every run. Its first number is as small as its seed: it is thrown away. */
function generator(seed: number): () => number {
  let state = (seed * 48_271) % 2_147_483_647
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
}

function drawCaps(random: () => number): { all: number; region: number; east: number; other: number } {
  const upTo = (n: number) => 1 + Math.floor(random() * n)
  return { all: upTo(7), region: upTo(5), east: upTo(4), other: upTo(4) }
}

const CASES = [11, 77, 154, 198]

test('the cases have different caps, from one step at once to more than two nodes have slots', () => {
  expect(CASES.map((seed) => drawCaps(generator(seed)).all)).toEqual([7, 4, 1, 6])
})

test.each(CASES)(
  'whatever the caps, three schedulers together never go over one, nor over the slots of a node, and leave none unused (case %i)',
  async (seed) => {
    const random = generator(seed)
    const caps = drawCaps(random)
    await setSetting(app.db, PARALLEL, caps.all)
    for (const site of ['region', 'east', 'other'] as const)
      await setSetting(app.db, PARALLEL, caps[site], sites[site])
    for (const site of ['region', 'east', 'west', 'other', null])
      await insertSteps(
        app.db,
        Array.from({ length: 12 }, () => ({})),
        { ...(site === null ? {} : { siteId: sites[site] ?? 0 }), priority: 1 + Math.floor(random() * 3) },
      )
    await Promise.all(
      NODES.map((node) => {
        // The more may run at once, the longer each: also on a busy machine they meet.
        const executor = new MemoryExecutor(app.db, () => (5 + random() * 15) * caps.all)
        return new Scheduler({
          ...{ db: app.db, databaseUrl: app.databaseUrl, executor, node, host: app.config.host, log: quiet },
          program: { version: app.config.version, schema: app.schema },
          proveRoots: () => provenRoots(app.db, app.config),
          pollMs: 200,
        }).run({ untilIdle: true })
      }),
    )
    const claims = await runningAtClaims()
    expect(claims).toHaveLength(60)
    const most = (of: (step: { site: number | null; node: string }) => boolean) =>
      Math.max(...claims.map((running) => running.filter(of).length))
    const region = [sites['region'], sites['east'], sites['west']]
    expect(
      most(() => true),
      JSON.stringify(caps),
    ).toBeLessThanOrEqual(caps.all)
    expect(most(({ site }) => site !== null && region.includes(site))).toBeLessThanOrEqual(caps.region)
    expect(most(({ site }) => site === sites['east'])).toBeLessThanOrEqual(caps.east)
    expect(most(({ site }) => site === sites['other'])).toBeLessThanOrEqual(caps.other)
    for (const name of NODES) expect(most(({ node }) => node === name)).toBeLessThanOrEqual(SLOTS)
    // Steps without a site are bound by the first cap only, so it is reached at some time.
    expect(most(() => true)).toBe(caps.all)
  },
  60_000,
)
