import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../../src/app.js'
import { completeStep } from '../../src/db/steps/complete-step.js'
import { claimStep, productOf, productRow, publishProduct } from '../support/consumers.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'
import { insertSteps } from '../support/queue.js'

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

const COMPOSITE = 'S2_L3A_31TCJ_20250615T120000_H025'
const window = { from: '2025-05-21T12:00:00Z', to: '2025-07-10T12:00:00Z' }
const A = 'S2A_L2A_31TCJ_20250610T105031_R051'
const B = 'S2B_L2A_31TCJ_20250620T105031_R051'

/** Claims a step that reads these products as they are now. */
async function claimReading(names: readonly string[]) {
  const { stepIds } = await insertSteps(app.db, [{}])
  for (const name of names) {
    const { id, revision, location } = await productOf(app.db, name)
    await app.db
      .insertInto('step_input')
      .values({ step_id: stepIds[0]!, product_id: id, revision, location })
      .execute()
  }
  return claimStep(app.db, stepIds[0]!)
}
const publishComposite = async (names: readonly string[], name = COMPOSITE) =>
  completeStep(app.db, await claimReading(names), [productRow(name, { window })], {})
const reasonOf = async (name = COMPOSITE) => (await productOf(app.db, name)).stale_reason

test('a date that appears in the window makes the composite stale, one beside it, of another tile or family does not', async () => {
  await publishProduct(app.db, A)
  await publishComposite([A])
  for (const other of [
    'S2A_L2A_31TCJ_20250521T115959_R051',
    'S2A_L2A_31TCJ_20250710T120001_R051',
    'S2A_L2A_31TDJ_20250610T105031_R051',
    'LC08_L2A_198030_20250610T105031_R198',
    A.replace('_L2A_', '_L3B_'),
  ])
    await publishProduct(app.db, other)
  expect(await reasonOf()).toBeNull()
  await publishProduct(app.db, 'S2A_L2A_31TCJ_20250521T120000_R008')
  expect(await reasonOf()).toBe('product S2A_L2A_31TCJ_20250521T120000_R008 appeared in its window')
  await publishComposite([A, 'S2A_L2A_31TCJ_20250521T120000_R008'])
  expect(await reasonOf()).toBeNull()
})

test('a composite of fewer dates than there are by then is stale from its first moment', async () => {
  await publishProduct(app.db, A)
  const claimed = await claimReading([A])
  await publishProduct(app.db, B)
  await completeStep(app.db, claimed, [productRow(COMPOSITE, { window })], {})
  expect(await reasonOf()).toBe(`product ${B} appeared in its window`)
})

test('an imported product beside ours does not count; ours beside an imported one does', async () => {
  await publishProduct(app.db, A)
  await publishComposite([A])
  await publishProduct(app.db, `${A}_MAJA`, { processor: 'import_l2a' })
  expect(await reasonOf()).toBeNull()
  await publishProduct(app.db, `${B}_SEN2COR`, { processor: 'import_l2a' })
  expect(await reasonOf()).toBe(`product ${B}_SEN2COR appeared in its window`)
  await publishComposite([A, `${B}_SEN2COR`])
  expect(await reasonOf()).toBeNull()
  await publishProduct(app.db, B)
  expect(await reasonOf()).toBe(`product ${B} appeared in its window`)
})

test('an input that is removed or made again makes it stale; a location that retention archives does not', async () => {
  await publishProduct(app.db, A)
  await publishProduct(app.db, B)
  await publishComposite([A, B])
  await app.db.updateTable('product').set({ location: 'cold:a' }).where('name', '=', A).execute()
  expect(await reasonOf()).toBeNull()
  const removed = { removed_at: new Date(), removed_reason: 'rule 1' }
  await app.db.updateTable('product').set(removed).where('name', '=', A).execute()
  expect(await reasonOf()).toBe(`product ${A} was removed`)
  await publishComposite([B])
  expect(await reasonOf()).toBeNull()
  await publishProduct(app.db, B)
  expect(await reasonOf()).toBe(`product ${B} was made again`)
})

test('dates and composites that are published at the same moment never end with a composite that misses a date unsaid', async () => {
  for (let round = 0; round < 12; round++) {
    for (const table of ['product', 'job'] as const) await app.db.deleteFrom(table).execute()
    await publishProduct(app.db, A)
    const composite = await claimReading([A])
    const dates = await Promise.all(
      [B, `${B.slice(0, 3)}_L2A_31TCJ_20250630T105031_R051`].map(async (name) => ({
        name,
        key: await claimReading([]),
      })),
    )
    await Promise.all([
      completeStep(app.db, composite, [productRow(COMPOSITE, { window })], {}),
      ...dates.map(({ name, key }) => completeStep(app.db, key, [productRow(name)], {})),
      publishProduct(app.db, A),
    ])
    expect(await reasonOf(), `round ${round}`).not.toBeNull()
  }
})
