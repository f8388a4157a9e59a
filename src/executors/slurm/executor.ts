import { asProcessingError, ProcessingError } from '../../domain/errors.js'
import { isDatabaseAway } from '../../domain/database-away.js'
import type { AttemptEnd, ClaimedStep, Executor } from '../../scheduler/executor.js'
import type { LoadRow, SlurmStore } from '../../scheduler/slurm-store.js'
import { judge, type Judgement } from './judge.js'
import { readCompletions } from './read-completions.js'
import { keyOf, parseQueue, type SlurmElement } from './read-queue.js'
import {
  largestRequestCpus,
  largestRequestMb,
  packClaims,
  sbatchArguments,
  wishesOf,
  type Batch,
} from './request.js'
import { runSlurm } from './run-command.js'
import { staleExclusions } from './stale-exclusions.js'
import { longestMinutes, type ClusterFacts } from './cluster-facts.js'

export interface SlurmExecutorOptions {
  readonly store: SlurmStore
  readonly cluster: ClusterFacts
  /** Node of this scheduler, noted on what it submits. */
  readonly node: string
  /** Environment of the jobs beyond what is kept of our own: TILTH_HOME, DATABASE_URL, ... Passed by environment, never as arguments. */
  readonly env: Readonly<Record<string, string>>
  /** Absolute, on storage that all nodes share. */
  readonly logFolder: string
  /** Absolute path of the batch script. */
  readonly script: string
  readonly log: { info(message: string): void; warn(message: string): void }
}

/** How often our own rows are looked at while something is in Slurm, ms. */
const LOOK_MS = 500
/** How often the leases of all claims that wait are renewed, ms: they last for an hour. */
const HOLD_ALL_MS = 60_000
/** After a failed request nothing is handed over for so long, ms; twice as long each time, up to the second. */
const [FIRST_PAUSE_MS, LONGEST_PAUSE_MS] = [2000, 60_000]

/**
 * Hands claimed steps to Slurm as job arrays and watches what becomes of them. All it knows is in Postgres and in Slurm: it may die after
 * any line, and the next one goes on. Whatever it concludes is written under the claim's attempt, so a late or doubled conclusion writes nothing.
 */
export class SlurmExecutor implements Executor {
  readonly name = 'slurm'
  private callback: (step: ClaimedStep, end: AttemptEnd) => void = () => undefined
  /** Claimed, and not yet submitted. */
  private starting: ClaimedStep[] = []
  /** Claims in Slurm as of the last look, by `<step>-<attempt>`. */
  private held = new Map<string, { readonly step: ClaimedStep; readonly isBegun: boolean }>()
  private readonly absent = new Map<string, number>()
  private readonly told = new Set<string>()
  /** Nodes that arrays of ours exclude, with commas, by job. */
  private readonly excluded = new Map<number, string>()
  private trouble: { readonly text: string; readonly until: number } | undefined
  /** Of the last trouble: grows until some step begins. */
  private pauseMs = FIRST_PAUSE_MS / 2
  /** Submitting and looking take turns: a look must not meet a batch that is half noted. */
  private turn: Promise<unknown> = Promise.resolve()
  private timer: NodeJS.Timeout | undefined
  private askedSlurmAt = -Infinity
  private isClosed = false
  private isFlushing = false
  private isLooking = false
  private heldAllAt = -Infinity

  constructor(private readonly options: SlurmExecutorOptions) {
    this.cluster.largestNodeMb = largestRequestMb(options.cluster.nodes)
  }

  readonly cluster = {
    largestNodeMb: 0,
    room: (pendingSteps: number): number => {
      const waiting = [...this.held.values()].filter(({ isBegun }) => !isBegun).length
      return Math.max(0, pendingSteps - waiting - this.starting.length)
    },
    fault: (): string | null =>
      this.trouble !== undefined && performance.now() < this.trouble.until ? this.trouble.text : null,
  }

  onEnd(callback: (step: ClaimedStep, end: AttemptEnd) => void): void {
    this.callback = callback
  }

  /** Steps that are started in one round are submitted together. */
  start(step: ClaimedStep): void {
    this.starting.push(step)
    if (this.isFlushing) return
    this.isFlushing = true
    setImmediate(() => {
      this.isFlushing = false
      void this.inTurn(() => this.submit())
    })
  }

  /** The element reads the settings itself. */
  setLimits(): void {}
  /** Is on the row, which the element reads. */
  setThreads(): void {}

  /** Begun: the element hears of it by its row. Waiting: the next look ends it. */
  cancel(): void {
    void this.inTurn(() => this.look(false))
  }

  /** No process of a cluster is ours to kill: the fence keeps a silent one from writing. */
  killSilent(): void {}

  running(): readonly ClaimedStep[] {
    return [...this.starting, ...[...this.held.values()].map(({ step }) => step)]
  }

  /** Finds jobs of ours that Slurm still has, and steps whose job is gone; the first call starts the regular looks. */
  async endOrphans(): Promise<readonly string[]> {
    if (this.timer !== undefined || this.isClosed) return []
    this.timer = setInterval(() => {
      if (this.isLooking) return
      this.isLooking = true
      void this.inTurn(() => this.look(false)).finally(() => {
        this.isLooking = false
      })
    }, LOOK_MS)
    const before = this.held.size
    await this.inTurn(() => this.look(true))
    const found = this.held.size - before
    return found > 0 ? [`took over ${found} steps that are in Slurm already`] : []
  }

  async close(): Promise<void> {
    this.isClosed = true
    clearInterval(this.timer)
    await this.turn
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T | undefined> {
    const next = this.turn.then(work).catch((error: unknown) => {
      this.hasFailed(error)
      return undefined
    })
    this.turn = next
    return next
  }

  private hasFailed(error: unknown): void {
    if (isDatabaseAway(error)) return
    const { code, message } = asProcessingError(error)
    this.pauseMs = Math.min(LONGEST_PAUSE_MS, this.pauseMs * 2)
    const text = `${code}: ${message}`
    if (this.trouble?.text !== text) this.options.log.warn(text)
    this.trouble = { text, until: performance.now() + this.pauseMs }
  }

  private async submit(): Promise<void> {
    const { store, cluster } = this.options
    // A copy: what is started while these are submitted belongs to the next turn.
    const claims = [...this.starting]
    if (claims.length === 0) return
    try {
      const [settings, facts] = await Promise.all([store.settings(), store.describe(claims)])
      const most = { cpus: largestRequestCpus(cluster.nodes), memoryMb: largestRequestMb(cluster.nodes) }
      const batches = packClaims(facts, (fact) => wishesOf(fact, settings, most), {
        targetS: settings.resolve('slurm.element_target_s').value,
        maxSteps: settings.resolve('slurm.element_max_steps').value,
        maxElements: cluster.maxArraySize,
        cpus: Math.max(
          1,
          cluster.nodes.reduce((sum, { cpus }) => sum + cpus, 0),
        ),
      })
      const exclude = await this.shunned()
      const failed: unknown[] = []
      for (const batch of batches)
        await this.submitBatch(batch, exclude).catch((error: unknown) => failed.push(error))
      if (failed.length > 0) throw failed[0]
    } finally {
      // What could not be submitted was given back, or its short lease ends soon.
      this.starting = this.starting.filter((step) => !claims.includes(step))
    }
  }

  /** Nodes of the cluster that get nothing now. */
  private async shunned(): Promise<readonly string[]> {
    const { store, cluster } = this.options
    const names = new Set(cluster.nodes.map(({ name }) => name))
    const faultS = (await store.settings()).resolve('slurm.bad_node_s').value
    return (await store.shunned(faultS)).flatMap(({ name }) => (names.has(name) ? [name] : []))
  }

  /** What waits in Slurm follows drains and resumes too: else it would wait on for other nodes while one that works again stands idle. */
  private async followShunned(queue: ReadonlyMap<string, SlurmElement>): Promise<void> {
    const { log } = this.options
    const jobs = new Set([...queue.values()].map(({ jobId }) => jobId))
    for (const jobId of this.excluded.keys()) if (!jobs.has(jobId)) this.excluded.delete(jobId)
    if (![...queue.values()].some(({ state }) => state.kind === 'waiting')) return
    const wanted = (await this.shunned()).join(',')
    for (const { jobId, elements } of staleExclusions(queue, this.excluded, wanted))
      try {
        await runSlurm('scontrol', ['update', `JobId=${elements}`, `ExcNodeList=${wanted}`])
        this.excluded.set(jobId, wanted)
      } catch (error) {
        const { code, message } = asProcessingError(error)
        if (code !== 'SLURM_REFUSED') throw error
        // Some of it has begun meanwhile: the others are told at the next look.
        if (!this.told.has(elements)) log.info(message)
        this.told.add(elements)
      }
  }

  private async submitBatch(batch: Batch, exclude: readonly string[]): Promise<void> {
    const { store, cluster, node, env, logFolder, script, log } = this.options
    const claims = batch.elements.flat()
    const loads = batch.elements.flatMap((element, index) =>
      element.map(({ id, attempt }, place) => ({ element: index, place, id, attempt })),
    )
    const batchId = await store.openBatch({
      submittedBy: node,
      request: {
        ...batch.wishes,
        timeS: Number.isFinite(batch.wishes.timeS) ? batch.wishes.timeS : null,
        exclude,
      },
      loads,
    })
    const bounds = longestMinutes(cluster, batch.wishes)
    const maxMinutes = Math.min(bounds.partition, bounds.qos)
    const args = sbatchArguments({ batchId, batch, exclude, logFolder, script, maxMinutes })
    try {
      const printed = await runSlurm('sbatch', args, {
        env: { ...env, TILTH_SLURM_BATCH: batchId, TILTH_SLURM_MINUTES: timeOf(args) },
      })
      const jobId = Number(/^\d+/.exec(printed)?.[0] ?? NaN)
      if (!Number.isSafeInteger(jobId))
        throw new ProcessingError(
          'SLURM_UNAVAILABLE',
          `sbatch --parsable printed '${printed.slice(0, 100)}', expected the number of a job.`,
        )
      this.excluded.set(jobId, exclude.join(','))
      await store.noteJob(batchId, jobId)
      for (const { id, attempt, processor, threads } of claims)
        this.held.set(`${id}-${attempt}`, { step: { id, attempt, processor, threads }, isBegun: false })
      this.trouble = undefined
      log.info(`Slurm job ${jobId}: ${claims.length} steps in ${batch.elements.length} elements`)
    } catch (error) {
      // Should Slurm have taken it after all, its elements will find that their claims are gone.
      for (const { id, attempt } of claims)
        await store.release({ id, attempt }, `not submitted: ${asProcessingError(error).message}`)
      throw error
    }
  }

  /** Our rows each time; Slurm itself every `slurm.poll_s`, or now. */
  private async look(isDue: boolean): Promise<void> {
    const { store } = this.options
    const loads = await store.loads()
    await this.notice(loads)
    const waitsForCancel = loads.some((load) => load.isHeld && load.cancelRequested && load.begunRun === null)
    const pollS = (await this.pollS()) * 1000
    if (!isDue && !waitsForCancel && performance.now() - this.askedSlurmAt < pollS) return
    this.askedSlurmAt = performance.now()
    if (loads.length === 0) {
      await store.closeBatches(await store.emptyBatches())
      return
    }
    const queue = parseQueue(await runSlurm('squeue', ['--json']))
    const missing = elementsOf(loads).filter((name) => !queue.has(name))
    const { completionLog } = this.options.cluster
    const completions =
      missing.length > 0 && completionLog !== null ? await readCompletions(completionLog) : new Map()
    // Asking works again: what could not be reached before can be.
    if (this.trouble?.text.startsWith('SLURM_UNAVAILABLE: `squeue') === true) this.trouble = undefined
    const judgement = judge({ loads, queue, completions, absentLooks: (name) => this.absent.get(name) ?? 0 })
    for (const name of this.absent.keys()) if (!missing.includes(name)) this.absent.delete(name)
    for (const name of missing) this.absent.set(name, (this.absent.get(name) ?? 0) + 1)
    await this.carryOut(judgement, queue)
    await this.followShunned(queue)
  }

  private pollKnown: { readonly at: number; readonly s: number } | undefined
  private async pollS(): Promise<number> {
    if (this.pollKnown === undefined || performance.now() - this.pollKnown.at > 5000)
      this.pollKnown = {
        at: performance.now(),
        s: (await this.options.store.settings()).resolve('slurm.poll_s').value,
      }
    return this.pollKnown.s
  }

  /** Tells the scheduler of claims that have ended since the last look; what began anew under another attempt is taken over. */
  private async notice(loads: readonly LoadRow[]): Promise<void> {
    const now = new Map(
      loads
        .filter(({ isHeld }) => isHeld)
        .map(({ id, attempt, processor, threads, begunRun }) => [
          `${id}-${attempt}`,
          { step: { id, attempt, processor, threads }, isBegun: begunRun !== null },
        ]),
    )
    if ([...now.values()].some(({ isBegun }) => isBegun)) this.pauseMs = FIRST_PAUSE_MS / 2
    const over = [...this.held].filter(([key]) => !now.has(key)).map(([, { step }]) => step)
    this.held = now
    if (over.length === 0) return
    const ends = new Map(
      (await this.options.store.ends(over)).map(({ id, attempt, kind }) => [`${id}-${attempt}`, kind]),
    )
    for (const step of over)
      this.callback(step, { kind: 'reported', outcome: outcomeOf(ends.get(`${step.id}-${step.attempt}`)) })
  }

  private async carryOut(judgement: Judgement, queue: ReadonlyMap<string, SlurmElement>): Promise<void> {
    const { store, log } = this.options
    for (const { batchId, jobId } of judgement.adopted) await store.noteJob(batchId, jobId)
    // What has changed each time, all of them well before the leases end.
    const all = performance.now() - this.heldAllAt > HOLD_ALL_MS
    if (all) this.heldAllAt = performance.now()
    await store.holdWaiting(
      judgement.hold.flatMap(({ load, note }) =>
        all || load.note !== note ? [{ id: load.id, attempt: load.attempt, note }] : [],
      ),
    )
    for (const load of judgement.cancel) await store.cancel(load)
    let stillborn: LoadRow | undefined
    for (const { load, reason } of judgement.release) {
      log.warn(`step ${load.id}: attempt ${load.attempt} is ready again: ${reason}`)
      await store.release(load, reason)
      if (load.begunRun === null && queue.get(nameOf(load))?.state.kind === 'ended') stillborn = load
    }
    for (const { load, code, message } of judgement.died) {
      this.held.delete(`${load.id}-${load.attempt}`)
      const { id, attempt, processor, threads } = load
      this.callback(
        { id, attempt, processor, threads },
        {
          kind: 'died',
          code,
          message,
          lastLines: [],
          resources: {},
          evidence: { argv: ['sbatch', this.options.script], pid: null, exitCode: null, signal: null },
        },
      )
    }
    for (const { element, text } of judgement.unknown) {
      const said = `${element} ${text}`
      if (!this.told.has(said))
        log.warn(
          `Slurm says that job ${element} is '${text}', a state that this program does not know: nothing is concluded from it, its steps stay as they are`,
        )
      this.told.add(said)
    }
    const cancelled = judgement.needless.concat(
      judgement.cancel.length === 0 ? [] : emptied(judgement, queue),
    )
    if (cancelled.length > 0) await runSlurm('scancel', [...new Set(cancelled)])
    await store.closeBatches(judgement.closed)
    // What was wrong with it would be wrong with the next one: it is told, and tried again ever more rarely.
    if (stillborn !== undefined)
      throw new ProcessingError(
        'SLURM_UNAVAILABLE',
        `Slurm job ${nameOf(stillborn)} ended as ${queue.get(nameOf(stillborn))?.state.text ?? ''} on ${queue.get(nameOf(stillborn))?.nodes ?? 'no node'} before it began step ${stillborn.id}. ` +
          `${this.options.logFolder}/slurm-${nameOf(stillborn)}.log may say why; \`tilth slurm check\` looks at all nodes.`,
      )
  }
}

const nameOf = ({ jobId, element }: LoadRow): string => keyOf(jobId ?? 0, element)

/** Elements that wait in Slurm and whose claims were all cancelled in this look. */
function emptied(judgement: Judgement, queue: ReadonlyMap<string, SlurmElement>): string[] {
  const kept = new Set(judgement.hold.map(({ load }) => nameOf(load)))
  return judgement.cancel
    .map(nameOf)
    .filter((name) => !kept.has(name) && queue.get(name)?.state.kind === 'waiting')
}

const elementsOf = (loads: readonly LoadRow[]): string[] => [
  ...new Set(loads.flatMap(({ jobId, element }) => (jobId === null ? [] : [keyOf(jobId, element)]))),
]

const timeOf = (args: readonly string[]): string =>
  args.find((arg) => arg.startsWith('--time='))?.slice('--time='.length) ?? '0'

function outcomeOf(kind: string | undefined): 'succeeded' | 'failed' | 'cancelled' | 'interrupted' | 'lost' {
  if (kind === 'succeeded' || kind === 'failed' || kind === 'cancelled') return kind
  return kind === 'released' ? 'interrupted' : 'lost'
}
