import { freeChains } from '../db/steps/free-chains.js'
import type { Queryable } from '../db/steps/queryable.js'
import type { Duty } from './leader.js'

/** How long a date may wait behind a paused one of its chain, seconds. */
const LOOK_S = 5

/** The leading scheduler lets dates go on that wait for a paused one. */
export function chainDuty({
  db,
  log,
}: {
  readonly db: Queryable
  readonly log: { info(message: string): void }
}): Duty {
  return {
    name: 'chains',
    everyS: LOOK_S,
    run: async () => {
      const freed = await freeChains(db)
      if (freed > 0) log.info(`${freed} dates go on without an earlier one of their chain that is paused`)
    },
  }
}
