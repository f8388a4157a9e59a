import { uptime } from 'node:os'
import { releaseSteps } from '../db/steps/end-attempt.js'
import { listExpired } from '../db/steps/list-expired.js'
import type { ClaimKey, Queryable } from '../db/steps/queryable.js'
import type { Executor } from './executor.js'

/** How much longer a scheduler leaves the expired claims of others, seconds: their own scheduler counts the failure, a release does not. */
const OTHERS_GRACE_S = 2
/** How long a process may go on after its claim was lost, ms, and how long it then has to let go, seconds. */
const LOST_PATIENCE_MS = 3000
const LOST_GRACE_S = 2
/** No round of a scheduler that is not stopped takes so long, seconds. */
const STOPPED_S = 10

/**
 * Watches leases: those of all running claims, and whether what this scheduler's step processes work on is still theirs. Leases are
 * judged by the clock of the database only; this process measures nothing but durations.
 */
export class ClaimWatch {
  /** When the database was last found again after it had been away (performance.now). */
  private reachableSince = -Infinity
  private readonly lostSince = new Map<string, number>()

  /** When leases were last looked at, by `clock`. */
  private lookedAt: number | undefined

  /** `clock`: seconds that go on while this machine is suspended or this process is stopped. */
  constructor(
    private readonly executor: Executor,
    private readonly clock: () => number = uptime,
  ) {}

  /** After an outage nobody has been able to renew: processes get the time that they need for it before anything is judged. */
  databaseIsBack(): void {
    this.reachableSince = performance.now()
  }

  /**
   * Kills step processes of this scheduler that have let their lease run out, which counts as a failure of theirs, and gives back the
   * expired claims of others, whose host is gone or cut off. Returns what was given back.
   */
  async reapExpired(db: Queryable, leaseS: number): Promise<readonly ClaimKey[]> {
    // A machine that was suspended has stopped its step processes too: they need the same time.
    const now = this.clock()
    if (this.lookedAt !== undefined && now - this.lookedAt > Math.max(STOPPED_S, leaseS / 2))
      this.databaseIsBack()
    this.lookedAt = now
    if (performance.now() - this.reachableSince < (leaseS / 3 + 2) * 1000) return []
    const expired = await listExpired(db)
    if (expired.length === 0) return []
    // A scheduler sees no process on the nodes of a cluster: their claims are given back like those of other hosts.
    const own = new Set((this.executor.cluster === undefined ? this.executor.running() : []).map(keyOf))
    for (const claim of expired) if (own.has(keyOf(claim))) this.executor.killSilent(claim.id, claim.attempt)
    const others = expired.filter((claim) => !own.has(keyOf(claim)) && claim.expiredS >= OTHERS_GRACE_S)
    return others.length === 0 ? [] : releaseSteps(db, { kind: 'expired', keys: others }, 'lease expired')
  }

  /** The first half of `reapExpired`, for who has no business with the claims of others. */
  async endSilent(db: Queryable, leaseS: number): Promise<void> {
    if (performance.now() - this.reachableSince < (leaseS / 3 + 2) * 1000) return
    const own = new Set(this.executor.running().map(keyOf))
    for (const claim of await listExpired(db))
      if (own.has(keyOf(claim))) this.executor.killSilent(claim.id, claim.attempt)
  }

  /**
   * Ends step processes whose claim is not theirs any more, and that have not noticed within seconds: they hold CPU and memory that
   * are admitted to others. `claims` are the running ones of this node, read after the steps were started.
   */
  endLost(claims: readonly ClaimKey[]): void {
    if (this.executor.cluster !== undefined) return
    const valid = new Set(claims.map(keyOf))
    const running = this.executor.running()
    const lost = new Set<string>()
    for (const claim of running) {
      const key = keyOf(claim)
      if (valid.has(key)) continue
      lost.add(key)
      const since = this.lostSince.get(key)
      if (since === undefined) this.lostSince.set(key, performance.now())
      else if (performance.now() - since > LOST_PATIENCE_MS) {
        this.lostSince.set(key, performance.now())
        this.executor.cancel(claim.id, claim.attempt, LOST_GRACE_S)
      }
    }
    for (const key of this.lostSince.keys()) if (!lost.has(key)) this.lostSince.delete(key)
  }
}

const keyOf = ({ id, attempt }: ClaimKey): string => `${id}-${attempt}`
