import type { Queryable } from '../db/steps/queryable.js'
import type { Duty } from './leader.js'
import { sweepRevisions } from './reconcile.js'
import { readSettings } from './settings-in-force.js'
import type { ProveRoots } from './storage-fault.js'

/** How often folders are looked for in the archive that no product names, seconds. */
const SWEEP_S = 5

/** The leading scheduler removes them after their grace time. */
export function sweepDuty({
  db,
  proveRoots,
  log,
}: {
  readonly db: Queryable
  readonly proveRoots: ProveRoots
  readonly log: { info(message: string): void }
}): Duty {
  return {
    name: 'sweep of the archive',
    everyS: SWEEP_S,
    run: async () => {
      const { archive } = await proveRoots()
      const graceS = (await readSettings(db)).resolve('storage.sweep_grace_s').value
      if (archive === undefined) return
      for (const path of await sweepRevisions(db, { archive, graceS }))
        log.info(`removed ${path}, which no product names`)
    },
  }
}
