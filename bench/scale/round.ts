import type { App } from '../../src/app.js'
import { claimReadySteps } from '../../src/db/steps/claim-ready-steps.js'
import { hasOpenSteps } from '../../src/db/steps/has-open-steps.js'
import { listRunningSteps } from '../../src/db/steps/list-running-steps.js'
import { nextRetryS } from '../../src/db/steps/next-retry.js'
import { SettingSnapshots } from '../../src/db/steps/setting-snapshots.js'
import { settleEnds } from '../../src/db/steps/settle-ends.js'
import { withAdmissionLock } from '../../src/db/steps/with-admission-lock.js'
import { admitRound } from '../../src/scheduler/admit-round.js'
import { FairShares } from '../../src/scheduler/fair-shares.js'
import { asCandidate } from '../../src/scheduler/grant-resources.js'
import { grantOf, Granter } from '../../src/scheduler/granter.js'
import { listReadyWithinQuota } from '../../src/scheduler/quota.js'
import { readSettings } from '../../src/scheduler/settings-in-force.js'

const NODE = 'bench'
/** As the scheduler looks at. */
const CANDIDATES = 200

class Undone extends Error {}

/** What a scheduler keeps from round to round. */
export class BenchRounds {
  private readonly granter = new Granter()
  private readonly fair: FairShares
  private readonly snapshots: SettingSnapshots

  constructor(private readonly app: App) {
    this.fair = new FairShares(app.db)
    this.snapshots = new SettingSnapshots(app.db)
  }

  /**
   * What a round of the scheduler does on the queue as it stands, from reading all settings to the claims, which are taken back. Seconds. Throws where
   * nothing could be claimed.
   */
  async time(): Promise<number> {
    const { db } = this.app
    const begun = performance.now()
    const settings = await readSettings(db)
    await settleEnds(db, NODE)
    let claimed = 0
    try {
      await withAdmissionLock(db, async (trx) => {
        const running = await listRunningSteps(trx)
        const { ready } = await listReadyWithinQuota(trx, settings, running, {
          ...{ executor: 'local', limit: CANDIDATES },
        })
        const granted = await this.granter.grant(trx, ready, settings, 'local')
        const candidates = this.fair
          .order(ready, settings, (step) => this.granter.costOf(step))
          .map((step) => asCandidate(step, grantOf(granted, step)))
        const byId = new Map(ready.map((step) => [step.id, step]))
        const place = { executor: 'local', node: NODE }
        const { start } = admitRound(
          { place, room: undefined },
          running,
          candidates,
          settings.capacity(),
          settings.caps(),
        )
        const grants = []
        for (const { id, threads } of start) {
          const { processor, siteId } = byId.get(id) ?? { processor: '', siteId: null }
          const settingsId = await this.snapshots.idOf(settings.shownOnStep(processor, siteId, 'local'))
          grants.push({ id, threads, settingsId, granted: grantOf(granted, { id }) })
        }
        claimed = (
          await claimReadySteps(trx, {
            ...{ executor: 'local', node: NODE, pid: process.pid, leaseSeconds: 30, grants },
          })
        ).length
        throw new Undone()
      })
    } catch (error) {
      if (!(error instanceof Undone)) throw error
    }
    await this.fair.exchange({ mustBeNow: true })
    await nextRetryS(db, { executor: 'local' })
    await hasOpenSteps(db, { executor: 'local' })
    const seconds = (performance.now() - begun) / 1000
    if (claimed === 0) throw new Error('A round of the scheduler claimed nothing although steps are ready.')
    return seconds
  }
}
