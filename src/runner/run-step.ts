import { mkdir, rm } from 'node:fs/promises'
import { dirname, isAbsolute, relative } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { attemptFolders } from '../domain/attempt-folders.js'
import { ProcessingError } from '../domain/errors.js'
import { AttemptLog } from './attempt-log.js'
import { classifyFailure } from './classify-failure.js'
import { LiveBudget } from './live-budget.js'
import { startMeter } from './measure-resources.js'
import type { AttemptOutcome, StepResources } from './protocol.js'
import { placeProducts, placesOf, unplaceProducts } from './publish-step.js'
import { resolveRootPath } from './root-paths.js'
import type { PublishedProduct, StepContext, StepResult, StepRun } from './step-context.js'
import type { AttemptKey, Completion, StepStore, StoredStep } from './step-store.js'

/** After its start a step writes its pid and progress for the first time, ms. */
const FIRST_BEAT_MS = 50

/** Why an attempt is stopped before its end. `orphan`: interrupted, and the process must be gone within 2 s. `limit`: it failed. */
export type StopReason = 'cancel' | 'orphan' | 'lost' | 'limit'

export interface AttemptEnded {
  readonly outcome: AttemptOutcome
  readonly resources: StepResources
  readonly error?: ProcessingError
}

export interface AttemptOptions {
  readonly store: StepStore
  /**
   * Absolute folders by root name; those of `only`, by default all, are proved now to be what was registered. `archive` and `scratch` are
   * needed. Rejects with ROOT_UNAVAILABLE. Asked before a processor writes anything, before products are placed, and after a failure.
   */
  proveRoots(only?: readonly ('archive' | 'l1' | 'scratch')[]): Promise<Readonly<Record<string, string>>>
  /** The step function of a processor; rejects with NOT_FOUND for an unknown one. */
  loadProcessor(processor: string): Promise<StepRun>
  /** `external.json` of this machine, absolute. */
  readonly toolsFile: string
  readonly log?: AttemptLog
  /** How long a function that does not heed its signal is waited for when the parent is gone, ms. */
  readonly orphanWaitMs?: number
  /** How long the end of the attempt is tried to be written while Postgres is away, ms. */
  readonly persistMs?: number
}

/** One attempt of one step: reads its row, holds its lease, runs its processor, publishes, and records the end. */
export class Attempt {
  private readonly controller = new AbortController()
  private readonly budget = new LiveBudget(1)
  private readonly log: AttemptLog
  private readonly meter = startMeter()
  private stopped: StopReason | undefined
  private fraction = 0
  private note = ''
  /** Aborted when nothing is left that a lease must be held for. */
  private readonly ending = new AbortController()
  /** Staging and scratch, once their roots are known. */
  private folders: readonly string[] = []

  constructor(
    readonly key: AttemptKey,
    private readonly options: AttemptOptions,
  ) {
    this.log = options.log ?? new AttemptLog()
  }

  /** Asks the attempt to end early; the first reason counts, except that a lost parent or claim overrides a cancel. */
  stop(reason: StopReason): void {
    if (this.stopped === undefined || this.stopped === 'cancel' || this.stopped === 'limit')
      this.stopped = reason
    this.controller.abort(stopError(this.key, reason))
  }

  /** Ends the attempt as failed for having gone over a limit, unless it is being stopped already. */
  fail(error: ProcessingError): void {
    if (this.stopped !== undefined) return
    this.stopped = 'limit'
    this.controller.abort(error)
  }

  setThreads(threads: number): void {
    this.budget.set(threads)
  }

  /** Never rejects: every end is an outcome. */
  async run(): Promise<AttemptEnded> {
    try {
      return await this.runClaim()
    } catch (cause) {
      const error = classifyFailure(cause)
      this.log.error(`${error.code}: ${error.message}`)
      // The end itself could not be recorded. The lease runs out, and the step is taken up again.
      return this.ended('lost', error)
    } finally {
      this.ending.abort()
      this.meter.stop()
      for (const folder of this.folders)
        await rm(folder, { recursive: true, force: true }).catch(() => undefined)
    }
  }

  private async runClaim(): Promise<AttemptEnded> {
    const { store } = this.options
    // Where they are; what they are is proved once their folders are made.
    const roots = this.persist(() => this.options.proveRoots([]))
    roots.catch(() => undefined)
    const step = await this.persist(() => store.read(this.key))
    if (step === undefined) return this.ended('lost', stopError(this.key, 'lost'))
    this.budget.set(step.threads)
    this.log.info(
      `step ${this.key.id} attempt ${this.key.attempt}: ${step.processor}, ${step.threads} threads`,
    )
    if (step.isSuperseded) {
      const reason = await this.persist(() => store.supersede(this.key, this.meter.read()))
      if (reason !== undefined) return this.superseded(reason)
    }
    const lease = this.holdLease(step.leaseSeconds)
    try {
      const result = await this.untilStopped(this.process(step, roots)).finally(() => this.meter.look())
      // The lease is held while files are flushed, which takes long for large products on slow disks.
      return await this.publish(result)
    } catch (cause) {
      return await this.recordEarlyEnd(cause)
    } finally {
      this.ending.abort()
      await lease
    }
  }

  private async process(
    { processor, params, blockShrink, codec, memoryMb }: StoredStep,
    proving: Promise<Readonly<Record<string, string>>>,
  ): Promise<StepResult> {
    const roots = await proving
    const { staging, scratch } = attemptFolders(
      { archive: rootOf(roots, 'archive'), scratch: rootOf(roots, 'scratch') },
      this.key,
    )
    this.folders = [staging, scratch]
    this.meter.watch(this.folders)
    await Promise.all(this.folders.map((folder) => this.makeFolder(folder)))
    const [run] = await Promise.all([
      this.options.loadProcessor(processor),
      // Had a root been unmounted just before, the folder would lie in the empty mount point: then it is removed and nothing else is written.
      this.persist(() => this.options.proveRoots()),
    ])
    const context: StepContext = {
      stepId: this.key.id,
      attempt: this.key.attempt,
      processor,
      params,
      stagingDir: staging,
      scratchDir: scratch,
      toolsFile: this.options.toolsFile,
      resolvePath: (path) => resolveRootPath(roots, path),
      chain: async (question) => {
        const chain = await this.persist(() => this.options.store.chain(this.key, question))
        if (chain === undefined) throw stopError(this.key, 'lost')
        return chain
      },
      threads: this.budget,
      ...{ blockShrink, codec, memoryMb },
      signal: this.controller.signal,
      progress: (fraction, note) => {
        this.fraction = Math.max(this.fraction, Math.min(1, Number.isFinite(fraction) ? fraction : 0))
        this.note = note
      },
      log: this.log,
    }
    this.controller.signal.throwIfAborted()
    const result = await run(context)
    this.controller.signal.throwIfAborted()
    for (const { name, folder } of result.products) {
      const inside = relative(staging, folder)
      if (inside === '' || inside.startsWith('..') || isAbsolute(inside))
        throw new ProcessingError(
          'INTERNAL',
          `Product ${name} lies in ${folder}, expected a folder below ${staging}.`,
        )
    }
    return result
  }

  /** Empty, even if this attempt was begun before. Never recursive: in an empty mount point there is no `.staging`, and none may be made there. */
  private async makeFolder(folder: string): Promise<void> {
    try {
      await mkdir(folder)
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined
      if (code === 'EEXIST') {
        // Nothing is removed from a folder that is not what it should be.
        await this.persist(() => this.options.proveRoots())
        await rm(folder, { recursive: true })
        await mkdir(folder)
        return
      }
      if (code !== 'ENOENT') throw error
      await this.persist(() => this.options.proveRoots())
      // Two first steps may come at once.
      await mkdir(dirname(folder)).catch(() => undefined)
      await mkdir(folder)
    }
  }

  /** An orphan must be gone soon, even if its processor hears nothing; any other stop waits for the processor to let go. */
  private async untilStopped(work: Promise<StepResult>): Promise<StepResult> {
    const { signal } = this.controller
    const orphaned = new Promise<never>((_, reject) => {
      const give = () => {
        if (this.stopped !== 'orphan') return
        setTimeout(() => {
          reject(stopError(this.key, 'orphan'))
        }, this.options.orphanWaitMs ?? 1000).unref()
      }
      signal.addEventListener('abort', give, { once: true })
      if (signal.aborted) give()
    })
    orphaned.catch(() => undefined)
    return await Promise.race([work, orphaned])
  }

  private async recordEarlyEnd(cause: unknown): Promise<AttemptEnded> {
    const { store } = this.options
    const resources = this.meter.read()
    switch (this.stopped) {
      case 'lost':
        return this.ended('lost', stopError(this.key, 'lost'))
      case 'orphan':
        this.log.warn('interrupted; the step goes back to the queue')
        return this.ended(
          (await this.persist(() => store.release(this.key, 'shutdown', resources))) ? 'interrupted' : 'lost',
        )
      case 'cancel':
        this.log.warn('cancelled')
        return this.ended(
          (await this.persist(() => store.cancel(this.key, resources))) ? 'cancelled' : 'lost',
        )
      case 'limit':
      case undefined: {
        const error =
          this.stopped === 'limit'
            ? classifyFailure(this.controller.signal.reason)
            : ((await this.lostRoot(cause)) ?? classifyFailure(cause))
        this.log.error(`${error.code}: ${error.message}`)
        if (error.code === 'INTERNAL' && cause instanceof Error) this.log.error(cause.stack ?? '')
        const failure = {
          code: error.code,
          message: error.message,
          lastLines: [...this.log.lastLines],
          evidence: { argv: process.argv, pid: process.pid, exitCode: null, signal: null },
        }
        const isRecorded = await this.persist(() => store.fail(this.key, failure, resources))
        return this.ended(isRecorded ? 'failed' : 'lost', error)
      }
    }
  }

  /**
   * A root that went away makes all kinds of errors: files that are missing, products that seem broken. None of them says anything
   * about the step, so the root's is the one that counts. Undefined where all roots are as they should be.
   */
  private async lostRoot(cause: unknown): Promise<ProcessingError | undefined> {
    try {
      await this.persist(() => this.options.proveRoots())
      return undefined
    } catch (error) {
      if (!(error instanceof ProcessingError) || error.code !== 'ROOT_UNAVAILABLE') return undefined
      if (cause instanceof ProcessingError && cause.code === error.code) return error
      const seen = cause instanceof Error ? cause.message : String(cause)
      return new ProcessingError('ROOT_UNAVAILABLE', `${error.message} The step met it as: ${seen}`, {
        cause,
      })
    }
  }

  private async publish(result: StepResult): Promise<AttemptEnded> {
    const { store } = this.options
    const places = placesOf(this.key, result.products)
    const roots = await this.persist(() => this.options.proveRoots(['archive']))
    if (places.length > 0 && !(await this.persist(() => store.place(this.key, places))))
      return this.ended('lost', stopError(this.key, 'lost'))
    const placed = await placeProducts(rootOf(roots, 'archive'), this.key, result.products)
    const rows = placed.map(({ product, location, bytes }) => ({
      ...withoutFolder(product),
      location,
      bytes,
    }))
    let answer: Completion
    try {
      answer = await this.persist(() => store.succeed(this.key, rows, this.meter.read()))
    } catch (error) {
      // Refused by a constraint: certainly not registered. Away for too long: perhaps it was, so the folders stay for the sweeper.
      if (!(error instanceof ProcessingError && error.code === 'DATABASE_UNAVAILABLE'))
        await unplaceProducts(placed)
      throw error
    }
    if (answer.kind === 'published') {
      this.log.info(`published ${placed.map(({ location }) => location).join(', ') || 'nothing'}`)
      return this.ended('succeeded')
    }
    await unplaceProducts(placed)
    return answer.kind === 'superseded'
      ? this.superseded(answer.reason)
      : this.ended('lost', stopError(this.key, 'lost'))
  }

  /** Nothing of this attempt is visible, and its step has ended: something newer is there, or will be. */
  private superseded(reason: string): AttemptEnded {
    this.log.warn(`${reason}: nothing is published`)
    return this.ended('cancelled', new ProcessingError('SUPERSEDED', `Step ${this.key.id} was ${reason}.`))
  }

  /** Renews at a third of the lease, and writes progress at most once a second. A database that is away is waited for. */
  private async holdLease(leaseSeconds: number): Promise<void> {
    let written = { at: -Infinity, fraction: -1, note: '' }
    // The claim has just been made: the step goes first, and a short one needs no more.
    await wait(FIRST_BEAT_MS, undefined, { signal: this.ending.signal }).catch(() => undefined)
    while (!this.ending.signal.aborted) {
      const due = performance.now() - written.at >= (leaseSeconds * 1000) / 3
      if (due || this.fraction !== written.fraction || this.note !== written.note) {
        const state = {
          pid: process.pid,
          progress: this.fraction,
          note: this.note,
          resources: this.meter.read(),
        }
        try {
          const answer = await this.options.store.renew(this.key, state)
          written = { at: performance.now(), fraction: state.progress, note: state.note }
          if (answer === undefined) this.stop('lost')
          else {
            this.setThreads(answer.threads)
            if (answer.cancelRequested) this.stop('cancel')
          }
          if (this.controller.signal.aborted) return
        } catch (error) {
          this.log.warn(
            `lease not renewed, trying again: ${error instanceof Error ? error.message : String(error)}`,
          )
        }
      }
      await wait(1000, undefined, { signal: this.ending.signal }).catch(() => undefined)
    }
  }

  /** Repeats a write until Postgres takes it; other errors, and a database away for too long, are thrown. */
  private async persist<T>(write: () => Promise<T>): Promise<T> {
    const deadline = performance.now() + (this.options.persistMs ?? 300_000)
    for (let delay = 100; ; delay = Math.min(2000, delay * 2)) {
      try {
        return await write()
      } catch (error) {
        const isAway = error instanceof ProcessingError && error.code === 'DATABASE_UNAVAILABLE'
        if (!isAway || performance.now() > deadline) throw error
        await wait(delay)
      }
    }
  }

  private ended(outcome: AttemptOutcome, error?: ProcessingError): AttemptEnded {
    return { outcome, resources: this.meter.read(), ...(error === undefined ? {} : { error }) }
  }
}

const rootOf = (roots: Readonly<Record<string, string>>, name: string): string =>
  resolveRootPath(roots, `${name}:`)

function withoutFolder(product: PublishedProduct): Omit<PublishedProduct, 'folder'> {
  const row: Partial<PublishedProduct> & Omit<PublishedProduct, 'folder'> = { ...product }
  delete (row as { folder?: string }).folder
  return row
}

function stopError({ id, attempt }: AttemptKey, reason: StopReason): ProcessingError {
  if (reason === 'cancel') return new ProcessingError('STEP_CANCELLED', `Step ${id} was cancelled.`)
  if (reason === 'lost')
    return new ProcessingError(
      'LEASE_LOST',
      `Attempt ${attempt} of step ${id} has lost its claim; what it wrote is dropped.`,
    )
  return new ProcessingError(
    'STEP_KILLED',
    `Step ${id} was interrupted: its scheduler is gone or shutting down.`,
  )
}
