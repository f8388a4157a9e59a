import type { App } from '../../src/app.js'
import { claimReadySteps } from '../../src/db/steps/claim-ready-steps.js'
import { completeStep, type ProductRow } from '../../src/db/steps/complete-step.js'
import { insertSteps } from './queue.js'

let published = 0

/** A row as a step publishes it, of tile 31TCJ unless its name says otherwise; each call is another revision. */
export function productRow(name: string, more: Partial<ProductRow> = {}): ProductRow {
  const [platform = '', level = '', tile = '', time = ''] = name.split('_')
  const orbit = /_R(\d{3})/.exec(name)?.[1]
  const t = time
  return {
    ...{ name, level, processor: level === 'L2A' ? 'l2a' : 'test', processorVersion: 1 },
    ...{ satellite: /^\d+$/.test(tile) ? ('landsat' as const) : ('s2' as const), platform, tile },
    sensedAt: `${t.slice(0, 4)}-${t.slice(4, 6)}-${t.slice(6, 8)}T${t.slice(9, 11)}:${t.slice(11, 13)}:${t.slice(13, 15)}Z`,
    relativeOrbit: orbit === undefined ? null : Number(orbit),
    acquisitionId: null,
    location: `archive:${name}/r${++published}-1`,
    bbox: null,
    provenance: { parameters: {} },
    ...more,
  }
}

export async function claimStep(db: App['db'], id: number) {
  const [claimed] = await claimReadySteps(db, {
    ...{ executor: 'local', node: 'here', pid: 1, leaseSeconds: 30 },
    grants: [{ id, threads: 1, settingsId: 0 }],
  })
  if (claimed === undefined) throw new Error(`step ${id} cannot be claimed`)
  return claimed
}

/** Publishes a product by a step of its own; returns its row's id, revision and location. */
export async function publishProduct(db: App['db'], name: string, more: Partial<ProductRow> = {}) {
  const { stepIds } = await insertSteps(db, [{}])
  await completeStep(db, await claimStep(db, stepIds[0]!), [productRow(name, more)], {})
  return productOf(db, name)
}

export const productOf = (db: App['db'], name: string) =>
  db.selectFrom('product').selectAll().where('name', '=', name).executeTakeFirstOrThrow()

/** Ends a step that waits as if its processor had made the product that its parameters name. */
export async function finishConsumer(db: App['db'], stepId: number, more: Partial<ProductRow> = {}) {
  const claimed = await claimStep(db, stepId)
  const step = await db
    .selectFrom('step')
    .select(['params', 'processor'])
    .where('id', '=', stepId)
    .executeTakeFirstOrThrow()
  const { product, parameters } = step.params as { product: string; parameters: unknown }
  const row = productRow(product, { processor: step.processor, provenance: { parameters }, ...more })
  await completeStep(db, claimed, [row], {})
  return productOf(db, product)
}
