import type { ReadyStep } from '../db/steps/list-ready-steps.js'
import type { Queryable } from '../db/steps/queryable.js'
import { Deadlines } from './deadlines.js'
import { FairShares } from './fair-shares.js'
import type { Granter } from './granter.js'
import type { SettingsInForce } from './settings-in-force.js'

/**
 * Ready steps in the order in which the next round of a scheduler would look at them, for those who only ask: fairness, priority, age and deadlines.
 * `granter` has been asked for them. Charges nobody.
 */
export async function inQueueOrder(
  db: Queryable,
  ready: readonly ReadyStep[],
  settings: SettingsInForce,
  granter: Granter,
): Promise<ReadyStep[]> {
  const fair = new FairShares(db)
  await fair.read()
  const costOf = (kind: Pick<ReadyStep, 'processor' | 'sizeClass'>) => granter.costOf(kind)
  const deadlines = new Deadlines(db)
  await deadlines.refresh(costOf)
  return deadlines.order(fair.order(ready, settings, costOf), settings, costOf)
}
