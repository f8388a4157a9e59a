import type { ChildProcess } from 'node:child_process'
import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { seededRandom } from '../../../../bench/chaos/plan.js'
import type { SlurmCluster } from '../../../../bench/slurm/cluster.js'
import { overTcp } from '../../../../bench/slurm/tcp-database.js'
import { openApp, type App } from '../../../app.js'
import { loadConfig } from '../../../config/config.js'
import { isDatabaseAway } from '../../../domain/database-away.js'
import { PRODUCT_FILES } from '../../../products/layout.js'
import { listSteps } from '../../../scheduler/queue-view.js'
import { listWithStanding } from '../../../scheduler/why/list-with-standing.js'
import { checkRound, type Verdict } from './check.js'
import { collectFacts, collectLeft } from './collect.js'
import { Commands, endOf, lastLines } from './commands.js'
import { Delivery } from './deliver.js'
import { digestProducts, type Digests } from './digests.js'
import { Kills, type KillCounts, type KillPlan } from './kills.js'
import { PeakMemory } from './peak-memory.js'
import type { Scenario } from './scenario.js'
import { SeasonClock } from './season-clock.js'
import { setUp } from './set-up.js'
import type { InputProduct } from './simulate-inputs.js'
import { StacServer } from './stac-server.js'
import { useOfSteps, type StageUse } from './stages.js'

export interface RoundPlan {
  readonly name: string
  readonly executor: 'local' | 'slurm'
  readonly withKills: boolean
}

export interface RoundOptions {
  readonly plan: RoundPlan
  readonly scenario: Scenario
  readonly inputs: readonly InputProduct[]
  /** Empty; becomes TILTH_HOME of the round. */
  readonly home: string
  readonly main: string
  readonly kills: KillPlan
  readonly seed: number
  readonly cluster: SlurmCluster | null
  /** Days of the season in a second while nothing waits. */
  readonly daysPerS: number
  readonly timeoutS: number
  readonly say: (text: string) => void
  readonly onProgress: (share: number, note: string) => void
}

export interface RoundResult extends Verdict {
  readonly name: string
  readonly seconds: number
  readonly checkSeconds: number
  /** Of \`tilth up\`, MiB. */
  readonly schedulerPeakMb: number
  readonly kills: KillCounts
  readonly digests: Digests
  readonly use: readonly StageUse[]
  /** Season reports, by site, each with the quicklook of a composite from the middle of the season where there is one. */
  readonly pages: readonly { readonly site: string; readonly path: string; readonly picture: string | null }[]
}

/** The clock stands while more than so many acquisitions and steps are under way, and runs again below the lower number. */
const [MOST_OPEN, FEW_OPEN] = [20, 10]
/** Between two looks at the database, ms. */
const LOOK_MS = 500
/** So long nothing may be open, and still something be missing, before that is the result, ms. */
const PATIENCE_MS = 45_000

/** One season from its first day to its end with one executor, in a folder and database of its own; what was wrong is in `faults`. */
export async function runRound(options: RoundOptions): Promise<RoundResult> {
  const { plan, home, main, scenario, inputs, cluster, say } = options
  const began = performance.now()
  await mkdir(home, { recursive: true })
  // As root the database server runs as another user, who must be able to enter.
  await chmod(home, 0o755)
  const incoming = join(home, 'incoming')
  for (const satellite of ['s2', 'landsat']) await mkdir(join(incoming, satellite), { recursive: true })
  const clock = new SeasonClock(
    Date.parse(`${scenario.season.start}T00:00Z`),
    Date.parse(`${scenario.until}T00:00Z`),
  )
  const env = { ...process.env, TILTH_HOME: home, DATABASE_URL: '' }
  const app = await openApp({ config: loadConfig(env) })
  // Nodes of a cluster reach a database over TCP only.
  const tcp = plan.executor === 'slurm' ? await overTcp(app.databaseUrl) : null
  const server = await StacServer.start(inputs, () => clock.nowMs)
  const commands = new Commands(
    main,
    {
      ...env,
      ...(tcp === null ? {} : { DATABASE_URL: tcp.url }),
      ...(cluster === null ? {} : { SLURM_CONF: cluster.conf }),
    },
    say,
  )
  try {
    const { executor, withKills } = plan
    await setUp(commands, { scenario, folder: home, incoming, stacUrl: server.url, executor, withKills })
    const season = new Season(options, { app, clock, commands, delivery: new Delivery(inputs, incoming) })
    const { kills, faults: onTheWay, schedulerPeakMb } = await season.live()
    const seconds = (performance.now() - began) / 1000
    const facts = await collectFacts(app, scenario)
    const verdict = checkRound(scenario, inputs, facts, plan.withKills)
    const digests = await digestProducts(app, facts.products)
    const pages = []
    for (const { slug, s2 } of scenario.sites) {
      const path = join(home, `season-${slug}.html`)
      await commands.run('season', 'report', slug, scenario.season.name, '--out', path)
      const composites = facts.products.filter(({ level, tile }) => level === 'L3A' && tile === s2[0])
      const middle = composites[Math.floor(composites.length / 2)]?.location.replace(/^archive:/, '')
      const picture = middle === undefined ? null : join(home, 'archive', middle, PRODUCT_FILES.quicklook)
      pages.push({ site: slug, path, picture })
    }
    const left = await collectLeft(home)
    return {
      name: plan.name,
      seconds,
      checkSeconds: (performance.now() - began) / 1000 - seconds,
      faults: [...onTheWay, ...verdict.faults, ...left],
      counts: verdict.counts,
      ...{ kills, digests, schedulerPeakMb },
      use: useOfSteps(facts.steps),
      pages,
    }
  } finally {
    await server.close()
    await tcp?.close()
    await app.close()
  }
}

interface SeasonParts {
  readonly app: App
  readonly clock: SeasonClock
  readonly commands: Commands
  readonly delivery: Delivery
}

/** The season under way: `tilth up` works, the clock runs as fast as work allows, products arrive, and some things die. */
class Season {
  private readonly faults: string[] = []
  private readonly logPath: string
  private scheduler: ChildProcess | undefined
  private stepPids: readonly number[] = []
  private readonly kills: Kills
  private readonly memory = new PeakMemory()

  constructor(
    private readonly options: RoundOptions,
    private readonly parts: SeasonParts,
  ) {
    const { plan, home, seed, cluster, say } = options
    this.logPath = join(home, 'up.log')
    const none: KillPlan = { steps: 0, schedulers: 0, postgres: 0, nodes: 0 }
    this.kills = new Kills(
      plan.withKills ? options.kills : none,
      seededRandom(seed + 1),
      {
        home,
        schedulerPid: () => this.scheduler?.pid,
        stepPids: () => this.stepPids,
        cluster,
      },
      say,
    )
  }

  async live(): Promise<Pick<RoundResult, 'kills' | 'faults' | 'schedulerPeakMb'>> {
    this.startScheduler()
    try {
      await this.untilDone()
      await this.kills.settled()
    } finally {
      await this.stopScheduler()
    }
    return { kills: this.kills.done, faults: this.faults, schedulerPeakMb: this.memory.peakMb }
  }

  private async untilDone(): Promise<void> {
    const { timeoutS, onProgress, scenario, daysPerS } = this.options
    const { clock, delivery } = this.parts
    const start = Date.parse(scenario.season.start)
    const span = Date.parse(scenario.until) - start
    const deadline = performance.now() + timeoutS * 1000
    let quietSince = performance.now()
    let runs = true
    while (performance.now() < deadline) {
      await wait(LOOK_MS)
      await delivery.upTo(clock.nowMs)
      const share = (clock.nowMs - start) / span
      this.kills.look(share)
      const open = await this.countOpen().catch(unlessAway)
      if (open === undefined) continue
      if (open >= MOST_OPEN) runs = false
      if (open <= FEW_OPEN) runs = true
      await this.pace(runs ? daysPerS : 0)
      onProgress(0.97 * share, `${new Date(clock.nowMs).toISOString().slice(0, 10)}, ${open} under way`)
      if (open > 0 || !clock.hasEnded || !delivery.isDone) quietSince = performance.now()
      else if (this.kills.isDone && (await this.isComplete().catch(unlessAway))) return
      else if (performance.now() - quietSince > PATIENCE_MS) return
    }
    this.faults.push(`the season was not over within ${timeoutS} s`)
  }

  private async pace(daysPerS: number): Promise<void> {
    try {
      await this.parts.clock.run(this.parts.app.db, daysPerS)
    } catch (error) {
      if (!isDatabaseAway(error)) throw error
    }
  }

  /** Acquisitions that are on their way to L2A, and steps of other processors. */
  private async countOpen(): Promise<number> {
    const { db } = this.parts.app
    const steps = await listSteps(db, { states: ['blocked', 'ready', 'running'], limit: 10_000 })
    this.stepPids = steps.flatMap(({ pid, state }) => (state === 'running' && pid !== null ? [pid] : []))
    const coming = (await listWithStanding(db, { limit: 100_000 })).filter(
      ({ standing }) => standing === 'on its way' || standing === 'not asked for',
    )
    return steps.length + coming.length
  }

  private async isComplete(): Promise<boolean> {
    const { scenario, inputs } = this.options
    const facts = await collectFacts(this.parts.app, scenario)
    return checkRound(scenario, inputs, facts, true).faults.length === 0
  }

  private startScheduler(): void {
    const { plan } = this.options
    const { commands } = this.parts
    this.scheduler = commands.start(this.logPath, 'up', '--executor', plan.executor)
    const child = this.scheduler
    this.memory.follow(child.pid)
    child.once('close', (code, signal) => {
      if (this.scheduler !== child) return
      this.scheduler = undefined
      if (signal !== 'SIGKILL')
        this.faults.push(`\`tilth up\` ended with ${String(code ?? signal)}:\n${lastLines(this.logPath)}`)
      // As a service manager would.
      setTimeout(() => {
        if (!this.isStopping) this.startScheduler()
      }, 1000)
    })
  }

  private isStopping = false

  private async stopScheduler(): Promise<void> {
    this.isStopping = true
    const child = this.scheduler
    if (child === undefined) return
    this.scheduler = undefined
    child.kill('SIGINT')
    const end = await Promise.race([endOf(child), wait(60_000, 'nothing within 60 s', { ref: false })])
    if (end !== 0) {
      this.faults.push(`\`tilth up\` ended with ${String(end)} on SIGINT:\n${lastLines(this.logPath)}`)
      child.kill('SIGKILL')
    }
  }
}

function unlessAway(error: unknown): undefined {
  if (!isDatabaseAway(error)) throw error
  return undefined
}
