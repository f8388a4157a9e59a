import { tryLeaderLock, type LeaderLock } from '../db/jobs/leader-lock.js'

/** Work that one scheduler at a time does for all, again and again. */
export interface Duty {
  readonly name: string
  /** From the end of one run to the start of the next, seconds. */
  readonly everyS: number
  /**
   * A leader that is cut off may not know yet that another has taken over: a duty must do no harm when two do it at once.
   * An error is logged, and the duty done again when it is next due. `signal` is aborted when leadership is lost.
   */
  run(signal: AbortSignal): Promise<void>
}

export interface LeaderOptions {
  readonly databaseUrl: string
  readonly duties: readonly Duty[]
  readonly log: { info(message: string): void; warn(message: string): void }
  /** How often the others try to take over, and the leader asks whether its lock is still there, ms; default 2000. */
  readonly tryMs?: number
}

/**
 * Of all schedulers of a database one leads: it holds an advisory lock on a connection of its own. When it dies or loses the connection
 * the lock is free, and another takes over at its next try. Nothing depends on a leader being there: without one, duties are late.
 */
export class Leader {
  private lock: LeaderLock | undefined
  private duties = new AbortController()
  private readonly closing = new AbortController()
  private readonly loop: Promise<void>
  private working: Promise<unknown> = Promise.resolve()

  constructor(private readonly options: LeaderOptions) {
    this.loop = this.live()
  }

  get isLeading(): boolean {
    return this.lock !== undefined
  }

  /** Gives leadership up once the duties at hand have ended, or after 2 s. */
  async close(): Promise<void> {
    this.closing.abort()
    await this.loop
    this.duties.abort()
    await Promise.race([this.working, sleep(2000, new AbortController().signal)])
    await this.lock?.release()
    this.lock = undefined
  }

  private async live(): Promise<void> {
    const tryMs = this.options.tryMs ?? 2000
    while (!this.closing.signal.aborted) {
      // The connection may end while it is asked: then it has been let go already, and another lock may be here.
      const { lock } = this
      if (lock === undefined) await this.tryToLead()
      else if (!(await lock.isHeld(tryMs))) await this.stepDown(lock)
      await sleep(tryMs, this.closing.signal)
    }
  }

  private async tryToLead(): Promise<void> {
    // Lost before it is kept here, it is found lost at the next look.
    const lost = () => {
      if (this.lock !== undefined) void this.stepDown(this.lock)
    }
    const lock = await tryLeaderLock(this.options.databaseUrl, lost).catch(() => undefined)
    if (lock === undefined) return
    this.lock = lock
    this.options.log.info('this scheduler leads')
    const controller = new AbortController()
    this.duties = controller
    // A leader that comes back soon waits for what it was doing before it lost the lock.
    const before = this.working
    this.working = Promise.all([
      before,
      ...this.options.duties.map((duty) => before.then(() => this.repeat(duty, controller.signal))),
    ])
  }

  private async stepDown(lock: LeaderLock): Promise<void> {
    if (this.lock !== lock) return
    this.lock = undefined
    this.duties.abort()
    this.options.log.warn('this scheduler does not lead any more: its connection is gone')
    await lock.release()
  }

  private async repeat(duty: Duty, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await duty.run(signal)
      } catch (error) {
        // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- aborted meanwhile
        if (!signal.aborted)
          this.options.log.warn(`${duty.name}: ${error instanceof Error ? error.message : String(error)}`)
      }
      await sleep(duty.everyS * 1000, signal)
    }
  }
}

/** Ends early, without an error, when the signal is aborted. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve()
      return
    }
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
  })
}
