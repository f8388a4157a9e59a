import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { App } from '../app.js'
import { rootsProver } from '../catalog/storage-roots.js'
import { machineLimits } from '../config/cgroup-limits.js'
import { attemptFolders } from '../domain/attempt-folders.js'
import { asUnavailable, isDatabaseAway } from '../domain/database-away.js'
import { asProcessingError } from '../domain/errors.js'
import { LocalExecutor } from '../executors/local.js'
import { retentionDuty } from '../scheduler/retention-duty.js'
import { scheduleDuty } from '../scheduler/schedules/schedule-duty.js'
import { Scheduler, type SchedulerLog } from '../scheduler/scheduler.js'

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

/**
 * A scheduler with the local executor on an open app: `run`, `drain`, `abort` are its own. With `withSchedules` it runs the schedules of seasons too when
 * it leads.
 */
export function createLocalScheduler(
  app: App,
  log: SchedulerLog = stderrLog,
  { withSchedules = false }: { readonly withSchedules?: boolean } = {},
): Scheduler {
  const { config, db, databaseUrl } = app
  const prove = rootsProver(db, config)
  let roots: Awaited<ReturnType<typeof prove>> | undefined
  const executor = new LocalExecutor({
    command: [
      process.execPath,
      join(config.programRoot, 'dist', 'src', 'cli', 'main.js'),
      'run-step',
      '--serve',
    ],
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
    duties: [retentionDuty({ db, config, log }), ...(withSchedules ? [scheduleDuty({ db, log })] : [])],
  })
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
