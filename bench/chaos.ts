import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openApp, type App } from '../src/app.js'
import { loadConfig } from '../src/config/config.js'
import { checkHistory } from './chaos/check.js'
import { planSteps, seededRandom } from './chaos/plan.js'
import { collectHistory, foldersLeft, insertRound, unnamedRevisions } from './chaos/round.js'
import { Storm, type StormReport } from './chaos/storm.js'
import { median } from './process-tree.js'

export interface ChaosOptions {
  readonly rounds: number
  readonly steps: number
  /** Kills -9 a round that have to hit. */
  readonly stepKills: number
  readonly schedulerKills: number
  /** Rounds, spread evenly, in which Postgres is stopped hard and starts again. */
  readonly restarts: number
  readonly seed: number
}

/** Settings of the bench: quick retries without end, leases as short as they may be, two slots in all. */
const SETTINGS = {
  'executor.lease_s': 5,
  'retry.max_failures': 100,
  'retry.backoff_s': 0.05,
  'retry.backoff_max_s': 0.2,
  'processor.l2a.max_parallelism': 2,
  'processor.l2a.tile_threads_hint': 1,
  'storage.min_free_mb': 0,
} as const

/**
 * The queue under fire. Each round runs a job of steps with random dependencies on two slots under three schedulers, kills step
 * processes and whole schedulers with -9, in some rounds stops Postgres hard, and then proves from the event table, from an external log
 * of side effects and from the archive that every step took effect exactly once, after its predecessors, with nothing left behind.
 * Rounds take turns: all schedulers on one node with two slots, or on two nodes with one slot each. True when nothing was wrong.
 */
export async function run(options: ChaosOptions): Promise<boolean> {
  const home = mkdtempSync(join(tmpdir(), 'tilth-chaos-'))
  // As root the database server runs as another user, who must be able to enter.
  await chmod(home, 0o755)
  const app = await openApp({ config: loadConfig({ TILTH_HOME: home, TILTH_HOST: 'chaos-0' }) })
  const reports: (StormReport & { seconds: number; attempts: number })[] = []
  let faults = 0
  console.log(`chaos: ${options.rounds} rounds, seed ${options.seed}, in ${home}`)
  try {
    for (let round = 0; round < options.rounds; round++) {
      const before = Math.floor((round * options.restarts) / options.rounds)
      const restartsPostgres = Math.floor(((round + 1) * options.restarts) / options.rounds) > before
      const report = await runRound(app, home, { ...options, round, restartsPostgres })
      reports.push(report)
      faults += report.faults.length
      console.log(
        `round ${round + 1}: seed ${options.seed + round}, ${report.nodes} node${report.nodes > 1 ? 's' : ''}, ${options.steps} steps in ` +
          `${report.attempts} attempts, ${report.seconds.toFixed(1)} s; killed ${report.stepKills} step processes (${report.missed} more too late), ` +
          `${report.schedulerKills} schedulers, Postgres ${report.postgresRestarts} times; two schedulers alive ${(100 * report.shareWithTwo).toFixed(0)} % of the time; ` +
          (report.faults.length === 0
            ? 'every step took effect once, in order, nothing left'
            : `${report.faults.length} FAULTS`),
      )
      for (const fault of report.faults.slice(0, 40)) console.log(`  ${fault}`)
      if (report.faults.length > 0) break
    }
  } finally {
    await app.close()
    if (faults === 0) rmSync(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 })
    else console.log(`logs and database are kept in ${home}`)
  }
  const sum = (of: (report: StormReport) => number) =>
    reports.reduce((total, report) => total + of(report), 0)
  console.log(
    `${reports.length} rounds: ${sum((r) => r.stepKills)} step processes and ${sum((r) => r.schedulerKills)} schedulers killed, Postgres stopped ` +
      `${sum((r) => r.postgresRestarts)} times, median ${median(reports.map(({ seconds }) => seconds)).toFixed(1)} s a round, ${faults} faults`,
  )
  return faults === 0
}

interface RoundOptions extends ChaosOptions {
  readonly round: number
  readonly restartsPostgres: boolean
}

async function runRound(app: App, home: string, options: RoundOptions) {
  const { round, steps, stepKills, schedulerKills, restartsPostgres } = options
  const random = seededRandom(options.seed + round)
  const nodes = round % 2 === 0 ? ['chaos-0'] : ['chaos-0', 'chaos-1']
  await prepare(app, 2 / nodes.length)
  const plan = planSteps(steps, round, random)
  const logFolder = join(home, `round-${round + 1}`)
  mkdirSync(logFolder)
  const effects = join(logFolder, 'effects.jsonl')
  const { job, stepIds } = await insertRound(app.db, plan, effects)
  const began = performance.now()
  const storm = new Storm({
    app,
    job,
    stepCount: steps,
    stepKills,
    schedulerKills,
    restartsPostgres,
    nodes,
    schedulers: 3,
    random,
    env: {
      TILTH_HOME: home,
      TILTH_ROOT: app.config.programRoot,
      TILTH_TEST_PROCESSOR: join(app.config.programRoot, 'dist', 'bench', 'chaos', 'steps.js'),
    },
    logFolder,
    timeoutS: 60 + 2 * steps,
  })
  const report = await storm.run(
    async () => foldersLeft(home).length === 0 && (await unnamedRevisions(app.db, home)).length === 0,
  )
  const seconds = (performance.now() - began) / 1000
  const history = await collectHistory(app, { home, job, plan, stepIds }, effects)
  const faults = [...report.faults, ...checkHistory(history)]
  if (report.stepKills < stepKills)
    faults.push(`only ${report.stepKills} of ${stepKills} kills of step processes hit an attempt`)
  if (report.schedulerKills < schedulerKills)
    faults.push(`only ${report.schedulerKills} of ${schedulerKills} schedulers were killed`)
  if (restartsPostgres && report.postgresRestarts === 0) faults.push('Postgres was not stopped')
  const attempts = history.steps.reduce((sum, { attempt }) => sum + attempt, 0)
  return { ...report, faults, seconds, attempts, nodes: nodes.length }
}

/** An empty queue and archive, and the settings of the bench. */
async function prepare({ db, config }: App, slotsPerNode: number): Promise<void> {
  await db.deleteFrom('product').execute()
  await db.deleteFrom('job').execute()
  await db.deleteFrom('setting').execute()
  for (const [key, value] of Object.entries({ ...SETTINGS, 'executor.cpu_slots': slotsPerNode }))
    await db
      .insertInto('setting')
      .values({ key, value: JSON.stringify(value), updated_by: 'bench chaos' })
      .execute()
  rmSync(join(config.home, 'archive', 'L2A'), { recursive: true, force: true })
}
