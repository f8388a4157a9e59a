import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { insertJob, insertJobRows } from '../../src/db/jobs/insert-job.js'
import { productOf, publishProduct } from '../support/consumers.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'

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

async function acquire(more: { state?: 'present' | 'found'; madeBy?: string } = {}): Promise<number> {
  const { state = 'present', madeBy } = more
  const { id } = await app.db
    .insertInto('acquisition')
    .values({
      ...{ identity: `a:${Math.random()}`, satellite: 's2', platform: 'S2A', tile: '31TCJ', state },
      ...{ sensed_at: '2026-06-01T10:00:00Z', location: 'l1:a', metadata: JSON.stringify({ madeBy }) },
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  return id
}

const jobOf = (
  processor: string,
  acquisitionId: number | null,
  inputs?: Awaited<ReturnType<typeof inputOf>>[],
) =>
  insertJob(app.db, {
    ...{ processor, siteId: null, params: {}, priority: 100, createdBy: 'test' },
    tasks: [
      {
        tile: '31TCJ',
        acquisitionId,
        params: {},
        memoryMb: 64,
        cpu: 1,
        ...(inputs === undefined ? {} : { inputs }),
      },
    ],
  })

async function inputOf(name: string) {
  const { id, revision, location } = await productOf(app.db, name)
  return { productId: id, revision, location }
}

const newL1 = async () =>
  (await app.db.selectFrom('l1_news').select('acquisition_id').orderBy('acquisition_id').execute()).map(
    ({ acquisition_id }) => acquisition_id,
  )
const newL2a = async () =>
  (
    await app.db.selectFrom('l2a_news').select(['product_id', 'revision']).orderBy('product_id').execute()
  ).map(({ product_id, revision }) => [product_id, revision])

test('an acquisition is new from its presence to its first L2A task, and again when that task is deleted', async () => {
  const id = await acquire({ state: 'found' })
  await acquire({ madeBy: 'MAJA' })
  expect(await newL1()).toEqual([])
  await app.db.updateTable('acquisition').set({ state: 'present' }).where('id', '=', id).execute()
  expect(await newL1()).toEqual([id])
  await jobOf('composite', id)
  expect(await newL1()).toEqual([id])
  const { id: job } = await jobOf('l2a', id)
  expect(await newL1()).toEqual([])
  // Ingested once more.
  await app.db
    .updateTable('acquisition')
    .set({ state: 'present', metadata: '{}' })
    .where('id', '=', id)
    .execute()
  expect(await newL1()).toEqual([])
  await app.db.deleteFrom('job').where('id', '=', job).execute()
  expect(await newL1()).toEqual([id])
  await app.db
    .updateTable('acquisition')
    .set({ state: 'broken', reason: 'cut short' })
    .where('id', '=', id)
    .execute()
  expect(await newL1()).toEqual([])
})

test('a task that is not committed takes nothing', async () => {
  const id = await acquire()
  await expect(
    app.db.transaction().execute(async (trx) => {
      await insertJobRows(trx, {
        ...{ processor: 'l2a', siteId: null, params: {}, priority: 100, createdBy: 'test' },
        tasks: [{ tile: '31TCJ', acquisitionId: id, params: {}, memoryMb: 64, cpu: 1 }],
      })
      throw new Error('undone')
    }),
  ).rejects.toThrow('undone')
  expect(await newL1()).toEqual([id])
})

test('an L2A product is new until an NDVI step reads this revision of it, and again with the next revision', async () => {
  const name = 'S2A_L2A_31TCJ_20260601T100000_R051'
  const { id } = await publishProduct(app.db, name)
  await publishProduct(app.db, 'S2A_L3B_31TCJ_20260601T100000_R051')
  expect(await newL2a()).toEqual([[id, 1]])
  await jobOf('composite', null, [await inputOf(name)])
  expect(await newL2a()).toEqual([[id, 1]])
  const { id: job } = await jobOf('ndvi', null, [await inputOf(name)])
  expect(await newL2a()).toEqual([])
  await app.db.deleteFrom('job').where('id', '=', job).execute()
  expect(await newL2a()).toEqual([[id, 1]])
  const before = await inputOf(name)
  await publishProduct(app.db, name)
  expect(await newL2a()).toEqual([[id, 2]])
  // Planned for the revision before: this one still has to be looked at.
  await jobOf('ndvi', null, [before])
  expect(await newL2a()).toEqual([[id, 2]])
})
