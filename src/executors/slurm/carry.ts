import { setTimeout as wait } from 'node:timers/promises'
import { isDatabaseAway } from '../../domain/database-away.js'
import type { AttemptEnd, ClaimedStep, Executor } from '../../scheduler/executor.js'
import type { Begun, ElementRun, SlurmStore } from '../../scheduler/slurm-store.js'

export interface CarryOptions {
  readonly store: SlurmStore
  /** Runs steps in processes of this node, one at a time. */
  readonly executor: Executor
  readonly run: ElementRun
  /** CPUs that Slurm has given to this element. */
  readonly cpus: number
  /** Its time limit, minutes; 0: none. */
  readonly minutes: number
  /** Why this node must do no work of ours now, in words; null: it may. Notes it on the node's row. */
  unfitness(): Promise<string | null>
  /** Ends the step that runs if it has let its lease run out although the database answers; `wasAway`: it does so again only now. */
  endSilent(wasAway: boolean): Promise<void>
  /** Calls back when a row of ours or a setting may have changed; returns how to end that. */
  listen(onChange: () => void): () => Promise<void>
  readonly log: { info(message: string): void; warn(message: string): void }
}

/** How often the row of the running step is looked at when nothing was notified, ms. */
const LOOK_MS = 2000
/** How long a database that is away is waited for, ms. */
const AWAY_MS = 300_000
/** Kept of the time limit for ending, s. */
const END_MARGIN_S = 60

/** What an element exits with: 0 all was done or given back in order; 75 this node was unfit. */
export type CarryStatus = 0 | 75

/**
 * Runs the claims of one element of a job array, one after the other, on the node that Slurm has chosen. Each is begun in the database
 * first, which is where a requeued element raises the attempt and a superseded one learns that it must end. A step process that dies is
 * recorded here, at once, and the next claim begins. `stop` gives everything back.
 */
export class Carrier {
  private isStopping = false
  private wake: () => void = () => undefined
  private end: ((end: AttemptEnd) => void) | undefined
  private readonly startedAt = performance.now()

  constructor(private readonly options: CarryOptions) {
    options.executor.onEnd((_, end) => this.end?.(end))
  }

  /** Slurm ends this job: the running step is interrupted and all claims go back to the queue. */
  stop(reason: string): void {
    if (this.isStopping) return
    this.isStopping = true
    this.options.log.warn(`${reason}: what is not done goes back to the queue`)
    void this.options.executor.close()
    this.wake()
  }

  async carry(): Promise<CarryStatus> {
    const { options } = this
    const stopListening = options.listen(() => {
      this.wake()
    })
    try {
      for (;;) {
        const unfit = await this.whenReachable(() => options.unfitness())
        if (unfit !== null && !this.isStopping) {
          options.log.warn(`node ${options.run.node} takes no work: ${unfit}`)
          await this.giveBack(`node ${options.run.node}: ${unfit}`)
          return 75
        }
        if (this.isStopping || !this.hasTime()) {
          await this.giveBack(`the Slurm job on node ${options.run.node} ends`)
          return 0
        }
        const begun = await this.whenReachable(() => options.store.begin(options.run))
        if (begun.kind === 'begun') await this.runStep(begun)
        else if (begun.kind === 'refused') await this.refuse(begun)
        else {
          if (begun.kind === 'superseded')
            options.log.warn('a later run of this element is at work: this one ends')
          return 0
        }
      }
    } finally {
      await options.executor.close()
      await stopListening()
    }
  }

  private async runStep({ claim, siteId, memoryMb, diskMb, replaced }: Extract<Begun, { kind: 'begun' }>) {
    const { executor, store, log } = this.options
    const instead = replaced === null ? '' : `, in place of attempt ${replaced}, which Slurm has requeued`
    log.info(
      `step ${claim.id} attempt ${claim.attempt} begins (${claim.processor}, ${claim.threads} threads${instead})`,
    )
    const ended = new Promise<AttemptEnd>((resolve) => (this.end = resolve))
    // Counted from its begin: what is left of the job shrinks while it runs, what it may take does not.
    const jobLeftS = this.secondsLeft()
    const limits = async () => {
      const found = (await store.settings()).limits(siteId, { memoryMb, diskMb })
      return { ...found, timeS: Math.min(found.timeS, jobLeftS) }
    }
    const granted = await this.whenReachable(limits)
    // A stop that came meanwhile has closed the executor, which would not end what is started after that.
    if (this.isStopping) {
      await this.whenReachable(() => store.release(claim, 'the Slurm job ends'))
      return
    }
    executor.start(claim, granted)
    let end: AttemptEnd | undefined
    let isCancelled = false
    let wasAway = false
    void ended.then((how) => {
      end = how
      this.wake()
    })

    while (end === undefined) {
      await this.sleep()
      // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- as above
      if (end !== undefined) break
      try {
        const row = await store.carried(claim)
        const settings = await store.settings()
        if (row?.cancelRequested === true && !isCancelled) {
          isCancelled = true
          executor.cancel(claim.id, claim.attempt, settings.resolve('executor.grace_s').value)
        }
        if (row !== undefined)
          await this.adjust(claim, row.threads, settings.caps().threadsHint(claim.processor, siteId))
        executor.setLimits(claim.id, claim.attempt, await limits())
        await this.options.endSilent(wasAway)
        wasAway = false
      } catch (error) {
        if (!isDatabaseAway(error)) throw error
        wasAway = true
      }
    }
    this.end = undefined
    await this.record(claim, await ended, isCancelled)
  }

  /** The budget of a running step follows the hint in force, within the CPUs of this job. */
  private async adjust(claim: ClaimedStep, granted: number, hint: number): Promise<void> {
    const { executor, store, cpus } = this.options
    const threads = Math.max(1, Math.min(cpus, hint))
    if (threads !== granted) await store.grant(claim, threads)
    executor.setThreads(claim.id, claim.attempt, threads)
  }

  private async record(claim: ClaimedStep, end: AttemptEnd, isCancelled: boolean): Promise<void> {
    const { store, log } = this.options
    switch (end.kind) {
      case 'reported':
        log.info(`step ${claim.id} attempt ${claim.attempt} ${end.outcome}`)
        break
      case 'interrupted':
        await this.whenReachable(() => store.release(claim, 'the Slurm job ends'))
        break
      case 'died':
        log.warn(`step ${claim.id}: ${end.code}: ${end.message}`)
        await this.whenReachable<unknown>(() =>
          isCancelled ? store.cancel(claim) : store.fail(claim, end, end.resources),
        )
    }
  }

  private async refuse({ claim, reason }: Extract<Begun, { kind: 'refused' }>): Promise<void> {
    const { store, log } = this.options
    log.info(`step ${claim.id} attempt ${claim.attempt} is not begun: it is ${reason}`)
    await this.whenReachable<unknown>(() =>
      reason === 'cancelled' ? store.cancel(claim) : store.release(claim, 'paused before it began'),
    )
  }

  /** All claims of this element that are still held; a former run of it can hold none beside this one. */
  private async giveBack(reason: string): Promise<void> {
    const { store, run } = this.options
    const loads = await this.whenReachable(() => store.loads())
    if (
      loads.some(
        (load) =>
          load.batchId === run.batchId && load.element === run.element && (load.begunRun ?? 0) > run.run,
      )
    )
      return
    for (const load of loads)
      if (load.batchId === run.batchId && load.element === run.element && load.isHeld)
        await this.whenReachable(() => store.release(load, reason))
  }

  private secondsLeft(): number {
    const { minutes } = this.options
    if (minutes === 0) return Infinity
    return Math.max(1, minutes * 60 - END_MARGIN_S - (performance.now() - this.startedAt) / 1000)
  }

  /** A step is begun only while at least half of the time is left, and the first one always. */
  private hasTime(): boolean {
    return this.secondsLeft() > this.options.minutes * 30 - END_MARGIN_S
  }

  private async sleep(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, LOOK_MS)
      this.wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.wake = () => undefined
  }

  private async whenReachable<T>(work: () => Promise<T>): Promise<T> {
    const deadline = performance.now() + AWAY_MS
    for (;;) {
      try {
        return await work()
      } catch (error) {
        if (!isDatabaseAway(error) || performance.now() > deadline) throw error
        await wait(500)
      }
    }
  }
}
