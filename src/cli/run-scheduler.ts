import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { App } from '../app.js'
import { rootsProver } from '../catalog/storage-roots.js'
import { machineLimits } from '../config/cgroup-limits.js'
import { attemptFolders } from '../domain/attempt-folders.js'
import { asUnavailable, isDatabaseAway } from '../domain/database-away.js'
import { asProcessingError } from '../domain/errors.js'
import { LocalExecutor } from '../executors/local.js'
import { readClusterFacts } from '../executors/slurm/cluster-facts.js'
import { SlurmExecutor } from '../executors/slurm/executor.js'
import { requireSharedDatabase } from '../executors/slurm/shared-database.js'
import { retentionDuty } from '../scheduler/retention-duty.js'
import { scheduleDuty } from '../scheduler/schedules/schedule-duty.js'
import { sourceDuties } from '../scheduler/source-duties.js'
import { Scheduler, type SchedulerLog } from '../scheduler/scheduler.js'
import { createSlurmStore, wantsSlurm } from '../scheduler/slurm-store.js'
import { slurmNode } from '../scheduler/why-waiting.js'

/** Folder of the logs of attempts: `step-<id>-<attempt>.log`. */
export const logFolderOf = (app: Pick<App, 'config'>): string => join(app.config.home, 'logs')

export const stderrLog: SchedulerLog = {
  info: (message) => {
    process.stderr.write(`${new Date().toISOString()} info ${message}\n`)
  },
  warn: (message) => {
    process.stderr.write(`${new Date().toISOString()} warn ${message}\n`)
  },
}

export const mainProgram = ({ programRoot }: Pick<App['config'], 'programRoot'>): string =>
  join(programRoot, 'dist', 'src', 'cli', 'main.js')

/** What a scheduler does besides when it leads; both off by default. */
export interface LeadersDuties {
  readonly withSchedules?: boolean
  readonly withSources?: boolean
}

/**
 * A scheduler with the local executor on an open app: `run`, `drain`, `abort` are its own. When it leads it also runs the schedules of
 * seasons with `withSchedules`, and asks sources and fetches with `withSources`.
 */
export function createLocalScheduler(
  app: App,
  log: SchedulerLog = stderrLog,
  duties: LeadersDuties = {},
): Scheduler {
  const { config, db, databaseUrl } = app
  const prove = rootsProver(db, config)
  let roots: Awaited<ReturnType<typeof prove>> | undefined
  const executor = new LocalExecutor({
    command: [process.execPath, mainProgram(config), 'run-step', '--serve'],
    env: {
      TILTH_HOME: config.home,
      TILTH_HOST: config.host,
      TILTH_NODE: config.node,
      DATABASE_URL: databaseUrl,
    },
    logFolder: logFolderOf(app),
    poolThreads: machineLimits().cpus,
    // Each round proves the roots before it starts anything.
    foldersOf: (step) => (roots === undefined ? [] : Object.values(attemptFolders(roots, step))),
  })
  return new Scheduler({
    db,
    databaseUrl,
    executor,
    node: config.node,
    host: config.host,
    program: { version: config.version, schema: app.schema },
    proveRoots: async () => (roots = await prove()),
    log,
    duties: dutiesOf(app, log, duties),
  })
}

/** What the scheduler that leads does for all, whichever executor it has. */
const dutiesOf = (
  { db, config }: App,
  log: SchedulerLog,
  { withSchedules = false, withSources = false }: LeadersDuties,
) => [
  retentionDuty({ db, config, log }),
  ...(withSchedules ? [scheduleDuty({ db, log })] : []),
  ...(withSources ? sourceDuties({ db, config, log }) : []),
]

/**
 * A scheduler that hands steps to Slurm. Throws DATABASE_NOT_SHARED where nodes could not reach the database, SLURM_UNAVAILABLE where
 * Slurm does not answer.
 */
export async function createSlurmScheduler(
  app: App,
  log: SchedulerLog = stderrLog,
  duties: LeadersDuties = {},
): Promise<Scheduler> {
  const { config, db, databaseUrl } = app
  requireSharedDatabase(databaseUrl)
  const cluster = await readClusterFacts()
  const prove = rootsProver(db, config)
  await mkdir(logFolderOf(app), { recursive: true })
  const node = slurmNode(config.node)
  return new Scheduler({
    db,
    databaseUrl,
    executor: new SlurmExecutor({
      store: createSlurmStore(db, cluster.name),
      cluster,
      node,
      env: slurmEnvironment(app),
      logFolder: logFolderOf(app),
      script: join(config.programRoot, 'scripts', 'slurm-element.sh'),
      log,
    }),
    node,
    host: config.host,
    program: { version: config.version, schema: app.schema },
    proveRoots: () => prove(),
    log,
    duties: dutiesOf(app, log, duties),
  })
}

/** What jobs on nodes are given beside what is kept of our own environment. */
export const slurmEnvironment = ({ config, databaseUrl }: App): Readonly<Record<string, string>> => ({
  TILTH_HOME: config.home,
  TILTH_HOST: config.host,
  DATABASE_URL: databaseUrl,
  TILTH_NODE_PROGRAM: process.execPath,
  TILTH_MAIN: mainProgram(config),
})

/** How often it is asked whether steps are meant for Slurm, and how long a Slurm that cannot be used is left alone, ms. */
const WANTED_MS = 2000
const UNUSABLE_MS = 15_000

/** The schedulers of one `tilth up`: `local` and `slurm` alone, or `auto`: the local one, and beside it one for Slurm once steps are meant for it. */
export class Schedulers {
  private readonly started: Scheduler[] = []
  private mode: 'run' | 'drain' | 'abort' = 'run'
  private wake: () => void = () => undefined

  constructor(
    private readonly app: App,
    private readonly which: 'auto' | 'local' | 'slurm',
    private readonly duties: LeadersDuties,
    private readonly log: SchedulerLog = stderrLog,
  ) {}

  drain(): void {
    if (this.mode === 'run') this.mode = 'drain'
    for (const scheduler of this.started) scheduler.drain()
    this.wake()
  }

  abort(): void {
    this.mode = 'abort'
    for (const scheduler of this.started) scheduler.abort()
    this.wake()
  }

  /** As `Scheduler.run`, of all. Rejects also with what `createSlurmScheduler` throws, in `auto` only with `untilIdle`. */
  async run(options: { untilIdle: boolean }): Promise<void> {
    const { app, log, which, duties } = this
    const local = which === 'slurm' ? undefined : this.begin(createLocalScheduler(app, log, duties))
    const runs = [
      ...(local === undefined ? [] : [local.run(options)]),
      ...(which === 'local' ? [] : [this.runSlurm(options)]),
    ]
    // One that fails takes the others along; all have ended when this rejects.
    for (const run of runs)
      run.catch(() => {
        this.abort()
      })
    await Promise.allSettled(runs)
    await Promise.all(runs)
  }

  private begin(scheduler: Scheduler): Scheduler {
    this.started.push(scheduler)
    if (this.mode === 'drain') scheduler.drain()
    if (this.mode === 'abort') scheduler.abort()
    return scheduler
  }

  private async runSlurm(options: { untilIdle: boolean }): Promise<void> {
    const { app, log, which } = this
    let said = ''
    while (this.mode === 'run' || which === 'slurm') {
      const isWanted = which === 'slurm' || (await wantsSlurm(app.db).catch(() => false))
      if (isWanted) {
        const made = await createSlurmScheduler(app, log, this.duties).catch((error: unknown) => {
          if (which === 'slurm' || options.untilIdle) throw error
          const text = describeError(error)
          if (text !== said) log.warn(`steps are meant for Slurm, which cannot be used now: ${text}`)
          said = text
        })
        if (made !== undefined) {
          await this.begin(made).run(options)
          return
        }
      } else if (options.untilIdle) return
      await this.pause(isWanted ? UNUSABLE_MS : WANTED_MS)
    }
  }

  private async pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

function describeError(error: unknown): string {
  const { code, message } = asProcessingError(error)
  return `${code}: ${message}`
}

/** Pauses between the tries to reach a Postgres that stops or starts just now, ms. */
const PAUSES_MS = [500, 1000, 2000, 4000, 8000]

/** Opens the database for a process that shall live long: one that goes away or comes up meanwhile is waited for, up to 16 s. */
export async function whenReachable(open: () => Promise<App>, log: SchedulerLog): Promise<App> {
  for (const pauseMs of PAUSES_MS)
    try {
      return await open()
    } catch (error) {
      if (!isDatabaseAway(error)) throw error
      log.warn(`${asProcessingError(asUnavailable(error)).message} Trying again in ${pauseMs / 1000} s.`)
      await wait(pauseMs)
    }
  return open()
}
