import { randomUUID } from 'node:crypto'
import { allDone } from '../domain/all-done.js'
import { listen } from '../db/jobs/listen.js'
import type { ReadyStep } from '../db/steps/list-ready-steps.js'
import { claimReadySteps, type Claim, type Grant } from '../db/steps/claim-ready-steps.js'
import { cancelRunningStep, releaseSteps } from '../db/steps/end-attempt.js'
import { isDatabaseAway } from '../domain/database-away.js'
import { listRunningSteps, type RunningRow } from '../db/steps/list-running-steps.js'
import type { Queryable } from '../db/steps/queryable.js'
import { hasOpenSteps } from '../db/steps/has-open-steps.js'
import { nextRetryS } from '../db/steps/next-retry.js'
import { SettingSnapshots } from '../db/steps/setting-snapshots.js'
import { settleEnds } from '../db/steps/settle-ends.js'
import { setStepThreads } from '../db/steps/set-step-threads.js'
import { withAdmissionLock } from '../db/steps/with-admission-lock.js'
import type { Admission } from './admission.js'
import { admitRound, runsAt } from './admit-round.js'
import type { AttemptEnd, ClaimedStep, Executor, StepLimits } from './executor.js'
import { ClaimWatch } from './claim-watch.js'
import { asCandidate } from './grant-resources.js'
import { FreshSettings } from './fresh-settings.js'
import { Deadlines } from './deadlines.js'
import { FairShares } from './fair-shares.js'
import { grantOf, Granter } from './granter.js'
import { listReadyWithinQuota } from './quota.js'
import { chainDuty } from './chain-duty.js'
import { Leader, type Duty } from './leader.js'
import { memoryLeft } from './memory-left.js'
import { PressureGate, type HeldSlots } from './pressure.js'
import { NodePresence, type ProgramIdentity } from './node-presence.js'
import { releaseDeadClaims, sweepAttemptFolders } from './reconcile.js'
import { sweepDuty } from './sweep-duty.js'
import type { SettingsInForce } from './settings-in-force.js'
import { recordFailure } from './step-store.js'
import { tellEndedJobs } from './job-report/tell-ended-jobs.js'
import { lookAtStorage, type ProveRoots } from './storage-fault.js'

export interface SchedulerLog {
  info(message: string): void
  warn(message: string): void
}

export interface SchedulerOptions {
  readonly db: Queryable
  /** For LISTEN. */
  readonly databaseUrl: string
  readonly executor: Executor
  /** Name under which its steps run. */
  readonly node: string
  /** Whose storage roots it uses. */
  readonly host: string
  /** Compared with what the database was migrated for. */
  readonly program: ProgramIdentity
  /** Called before each round: while a root is not what it was registered as, no step is started. */
  readonly proveRoots: ProveRoots
  readonly log: SchedulerLog
  /** Longest time between two looks at the queue without a notification, ms; default 2000. */
  readonly pollMs?: number
  /** What else the leading scheduler does for all, besides sweeping the archive. */
  readonly duties?: readonly Duty[]
}

/** How often what dead processes left behind is looked for, ms. */
const RECONCILE_MS = 5000

/** How often this scheduler looks at what others have left undone, ms: leases that ran out, and ends of whose consequences nobody thought. */
const OTHERS_MS = 500

/** How many ready steps one round looks at. */
const CANDIDATES = 200

/**
 * Claims and starts ready steps as slots, memory and caps allow, watches leases, records deaths, moves thread budgets.
 * It holds nothing that is not in Postgres: it may die after any line, and any number may run.
 */
export class Scheduler {
  private mode: 'run' | 'drain' | 'abort' = 'run'
  private ends: { step: ClaimedStep; end: AttemptEnd }[] = []
  private readonly cancelling = new Set<string>()
  private readonly toldJobs = new Set<string>()
  private wakeUp: (() => void) | undefined
  private isAwake = false
  private isAway = false
  private lastReason = ''
  /** Tells its own notifications from those of others. */
  private readonly name: string
  private readonly pollMs: number
  private readonly settings: FreshSettings
  private readonly presence: NodePresence
  private readonly gate = new PressureGate()
  private readonly granter = new Granter()
  private readonly fair: FairShares
  private readonly deadlines: Deadlines
  private readonly snapshots: SettingSnapshots
  /** Its node is paused, draining or of another version: only an operator can change that. */
  private isHeld = false
  private reconciledAt = -Infinity
  private reapedAt = -Infinity
  private settledAt = -Infinity
  private readonly watch: ClaimWatch

  constructor(private readonly options: SchedulerOptions) {
    const { cluster } = options.executor
    this.name = `${options.node} ${process.pid} ${randomUUID()}`
    this.pollMs = options.pollMs ?? 2000
    this.settings = new FreshSettings(options.db, this.pollMs)
    this.presence = new NodePresence({
      ...options,
      executor: options.executor.name,
      // What a cluster has is Slurm's to hand out; its nodes have rows of their own. The memory of the largest bounds what a step may ask for.
      ...(cluster === undefined ? {} : { capacity: { slots: 0, memoryMb: cluster.largestNodeMb } }),
    })
    this.watch = new ClaimWatch(options.executor)
    this.snapshots = new SettingSnapshots(options.db)
    this.fair = new FairShares(options.db)
    this.deadlines = new Deadlines(options.db)
    options.executor.onEnd((step, end) => {
      this.ends.push({ step, end })
      this.wake()
    })
  }

  /** No new steps; `run` resolves when the running ones have ended. */
  drain(): void {
    if (this.mode === 'run') this.mode = 'drain'
    this.wake()
  }

  /** Running steps are interrupted and go back to the queue; `run` resolves soon. */
  abort(): void {
    this.mode = 'abort'
    this.wake()
  }

  /**
   * Runs until drained or aborted, or with `untilIdle` until no step is running or could run here. Waits for Postgres while it is away.
   * Rejects with ROOT_UNAVAILABLE where a storage root is not what it was registered as; one that is lost later stops new steps only.
   */
  async run({ untilIdle }: { untilIdle: boolean }): Promise<void> {
    const { databaseUrl, executor, log, duties = [] } = this.options
    let leader: Leader | undefined
    const listener = listen(databaseUrl, ['tilth_step', 'tilth_setting', 'tilth_pause'], (channel, by) => {
      if (channel !== 'tilth_step') this.settings.noteChange()
      // It has drawn those consequences itself and looks at the queue anyway.
      if (by !== this.name) this.wake()
    })
    try {
      await this.presence.join()
      await this.untilReached(async () => this.reconcile(await this.options.proveRoots()))
      await this.untilReached(() => this.fair.read())
      leader = new Leader({
        databaseUrl,
        log,
        duties: [sweepDuty(this.options), chainDuty(this.options), ...duties],
      })
      for (;;) {
        this.isAwake = false
        if (performance.now() - this.reconciledAt > RECONCILE_MS)
          await this.untilReached(() => this.reconcileAgain())
        const retryInS = await this.untilReached(() => this.round())
        // Steps on a cluster go on without this scheduler: there is nothing to wait for.
        if (this.mode === 'abort' || (this.mode === 'drain' && executor.cluster !== undefined)) break
        if (executor.running().length === 0 && this.ends.length === 0) {
          if (this.mode === 'drain') break
          if (untilIdle && retryInS !== undefined && (await this.untilReached(() => this.isIdle()))) break
        }
        await this.sleep(retryInS)
      }
    } finally {
      await executor.close()
      await this.recordEnds().catch((error: unknown) => {
        this.options.log.warn(
          `the ends of ${this.ends.length} steps are left to their leases: ${String(error)}`,
        )
      })
      // After a failure of the database the next scheduler does it.
      await this.reconcileAgain().catch(() => undefined)
      await this.fair.exchange({ mustBeNow: true }).catch(() => undefined)
      await leader?.close()
      await this.presence.leave()
      await listener.close()
    }
  }

  /** Clears away what schedulers and step processes left behind when they died: claims, processes, folders. */
  private async reconcile(roots: Readonly<Partial<Record<string, string>>>): Promise<void> {
    const { db, executor, node, log } = this.options
    this.reconciledAt = performance.now()
    for (const what of await executor.endOrphans()) log.warn(what)
    // Claims that wait in a cluster outlive the scheduler that made them.
    const dead =
      executor.cluster === undefined ? await releaseDeadClaims(db, { executor: executor.name, node }) : []
    for (const { id, attempt } of dead)
      log.warn(`step ${id}: attempt ${attempt} was lost with its process; it is ready again`)
    for (const path of await sweepAttemptFolders(db, roots))
      log.info(`removed ${path}, left by an attempt that has ended`)
  }

  /** The same while running: where a root is away, which `round` says, its folders wait. */
  private async reconcileAgain(): Promise<void> {
    await this.reconcile(await this.options.proveRoots().catch(() => ({})))
  }

  /** Nothing is left that would go on without anyone's help. */
  private async isIdle(): Promise<boolean> {
    const { db, executor } = this.options
    return this.isHeld || !(await hasOpenSteps(db, { executor: executor.name }))
  }

  /** One look at the queue. Returns the seconds until the next step that waits for its retry, or null. */
  private async round(): Promise<number | null> {
    const { db, executor, node } = this.options
    const settings = await this.settings.now()
    // Side by side, because the step that woke this round waits for all of them.
    const [, , { fault, freeMb }, standing] = await allDone([
      this.recordEnds(),
      this.reapExpired(settings),
      lookAtStorage(this.options.proveRoots, settings.resolve('storage.min_free_mb').value),
      this.presence.standing(),
    ])
    const noWork = await this.presence.whyNoWork(settings, standing, executor.cluster?.fault() ?? fault)
    this.isHeld = noWork?.isHeld ?? false
    let held: HeldSlots | null = null
    const costOf = (kind: Pick<ReadyStep, 'processor' | 'sizeClass'>) => this.granter.costOf(kind)
    const { starts, admission, running } = await withAdmissionLock(db, async (trx) => {
      const rows = await listRunningSteps(trx)
      const place = { executor: executor.name, node: executor.cluster === undefined ? node : null }
      const here = rows.filter((row) => runsAt(place, row))
      const isTaking = this.mode === 'run' && noWork === null
      const { ready, over } = isTaking
        ? await listReadyWithinQuota(trx, settings, rows, { executor: executor.name, limit: CANDIDATES })
        : { ready: [], over: [] }
      const granted = await this.granter.grant(trx, ready, settings, executor.name)
      const candidates = this.deadlines
        .order(this.fair.order(ready, settings, costOf), settings, costOf)
        .map((step) => asCandidate(step, grantOf(granted, step)))
      const readyById = new Map(ready.map((step) => [step.id, step]))
      // Pressure, slots and memory are those of this machine: a cluster's are not.
      held = executor.cluster === undefined ? this.gate.lookNow(here, settings) : null
      const capacity = {
        ...settings.capacity(),
        ...(freeMb === null ? {} : { diskMb: freeMb }),
        ...memoryLeft(settings),
        held,
        spread: this.gate.spread,
      }
      const room = executor.cluster?.room(settings.resolve('slurm.pending_steps').value)
      const decided = admitRound({ place, room }, rows, candidates, capacity, settings.caps())
      const leaseSeconds = settings.resolve('executor.lease_s').value
      const grants: Grant[] = []
      for (const { id, threads } of decided.start) {
        const { processor, siteId } = readyById.get(id) ?? { processor: '', siteId: null }
        const settingsId = await this.snapshots.idOf(settings.shownOnStep(processor, siteId, executor.name))
        grants.push({ id, threads, settingsId, granted: grantOf(granted, { id }) })
      }
      const claimed = await claimReadySteps(trx, {
        executor: executor.name,
        node,
        pid: process.pid,
        leaseSeconds,
        grants,
      })
      const startedIds = new Set(claimed.map(({ id }) => id))
      const started = ready.filter(({ id }) => startedIds.has(id))
      this.gate.noteRunning(here.length + claimed.length)
      this.fair.charge(started, settings, costOf)
      this.deadlines.charge(started, settings, costOf)
      const attempts = new Map(here.map((row) => [row.id, row.attempt]))
      await setStepThreads(
        trx,
        decided.budgets.map((budget) => ({ ...budget, attempt: attempts.get(budget.id) ?? 0 })),
      )
      const starts = claimed.map((claim) => {
        const { siteId = null, diskMb = 0 } = readyById.get(claim.id) ?? {}
        const memoryMb = grantOf(granted, claim).memory_mb
        return { claim, limits: settings.limits(siteId, { memoryMb, diskMb }) }
      })
      const waiting = [...decided.waiting, ...over]
      return { starts, admission: { ...decided, waiting }, running: here }
    })
    await this.presence.holdSlots(held)
    this.watch.endLost(running)
    for (const { claim, limits } of starts) this.start(claim, limits)
    this.tellRunning(running, admission, settings)
    this.explain(noWork?.reason ?? admission.waiting[0]?.reason ?? '', admission.waiting.length)
    await this.fair.exchange()
    await this.deadlines.refresh(costOf)
    return nextRetryS(db, { executor: executor.name })
  }

  private async reapExpired(settings: SettingsInForce): Promise<void> {
    if (performance.now() - this.reapedAt < OTHERS_MS) return
    this.reapedAt = performance.now()
    const expired = await this.watch.reapExpired(this.options.db, settings.resolve('executor.lease_s').value)
    for (const { id, attempt } of expired)
      this.options.log.warn(`step ${id}: the lease of attempt ${attempt} ran out; it is ready again`)
  }

  private start(claim: Claim, limits: StepLimits): void {
    this.options.log.info(
      `step ${claim.id}: attempt ${claim.attempt} starts (${claim.processor}, ${claim.threads} threads)`,
    )
    this.options.executor.start(claim, limits)
  }

  private tellRunning(running: readonly RunningRow[], admission: Admission, settings: SettingsInForce): void {
    const { executor } = this.options
    const rows = new Map(running.map((row) => [row.id, row]))
    for (const { id, threads } of admission.budgets) {
      const row = rows.get(id)
      if (row !== undefined) executor.setThreads(id, row.attempt, threads)
    }
    for (const { id, attempt, siteId, memoryMb, declaredDiskMb } of running)
      executor.setLimits(id, attempt, settings.limits(siteId, { memoryMb, diskMb: declaredDiskMb }))
    for (const { id, attempt, cancelRequested } of running) {
      const key = `${id}-${attempt}`
      if (!cancelRequested || this.cancelling.has(key)) continue
      this.cancelling.add(key)
      executor.cancel(id, attempt, settings.resolve('executor.grace_s').value)
    }
  }

  /** Writes what step processes could not write themselves. What fails because Postgres is away stays for the next round. */
  private async recordEnds(): Promise<void> {
    const { db, log } = this.options
    const ended: number[] = []
    while (this.ends[0] !== undefined) {
      const { step, end } = this.ends[0]
      const key = { id: step.id, attempt: step.attempt }
      const name = `${key.id}-${key.attempt}`
      switch (end.kind) {
        case 'reported':
          log.info(`step ${key.id}: attempt ${key.attempt} ${end.outcome}`)
          break
        case 'interrupted':
          await releaseSteps(db, { kind: 'claim', ...key }, 'shutdown')
          break
        case 'died':
          log.warn(`step ${key.id}: ${end.code}: ${end.message}`)
          if (this.cancelling.has(name)) await cancelRunningStep(db, key, end.resources)
          else await recordFailure(db, key, end, end.resources)
          break
      }
      this.cancelling.delete(name)
      this.ends.shift()
      ended.push(key.id)
    }
    // Of ends that are not its own, their own schedulers draw the consequences, unless they died.
    if (ended.length === 0 && performance.now() - this.settledAt < OTHERS_MS) return
    this.settledAt = performance.now()
    await settleEnds(db, this.name)
    await tellEndedJobs(db, ended, this.toldJobs, log)
  }

  private explain(reason: string, count: number): void {
    if (reason !== this.lastReason && reason !== '')
      this.options.log.info(`${count > 0 ? `${count} steps wait` : 'steps wait'}: ${reason}`)
    this.lastReason = reason
  }

  private async untilReached<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      const result = await work()
      if (this.isAway) {
        this.options.log.info('Postgres is back')
        this.watch.databaseIsBack()
      }
      this.isAway = false
      return result
    } catch (error) {
      if (!isDatabaseAway(error)) throw error
      if (!this.isAway)
        this.options.log.warn(
          `Postgres is away; running steps go on: ${error instanceof Error ? error.message : String(error)}`,
        )
      this.isAway = true
      return undefined
    }
  }

  private wake(): void {
    this.isAwake = true
    this.wakeUp?.()
  }

  private async sleep(retryInS: number | null | undefined): Promise<void> {
    if (this.isAwake) return
    const poll = this.isAway ? 250 : this.pollMs
    const untilRetry = retryInS == null ? Infinity : Math.max(0, retryInS) * 1000 + 5
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.min(poll, untilRetry))
      this.wakeUp = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.wakeUp = undefined
  }
}
