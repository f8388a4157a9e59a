import { cpus, totalmem } from 'node:os'
import type { App } from '../app.js'
import { listRoots, rootsProver } from '../catalog/storage-roots.js'
import { ROOT_NAMES } from '../config/config.js'
import { attemptFolders } from '../domain/attempt-folders.js'
import { asProcessingError, ProcessingError } from '../domain/errors.js'
import { Carrier, type CarryStatus } from '../executors/slurm/carry.js'
import { LocalExecutor } from '../executors/local.js'
import { ClaimWatch } from '../scheduler/claim-watch.js'
import { NodePresence } from '../scheduler/node-presence.js'
import { sweepAttemptFolders } from '../scheduler/reconcile.js'
import { readSettings } from '../scheduler/settings-in-force.js'
import { createSlurmStore, listenForChanges } from '../scheduler/slurm-store.js'
import { logFolderOf, mainProgram, stderrLog } from './run-scheduler.js'

/** What Slurm and the submitter say in the environment of an element. */
interface ElementEnvironment {
  readonly batchId: string
  readonly element: number
  readonly run: number
  readonly jobId: number
  readonly node: string
  readonly cpus: number
  readonly minutes: number
  readonly cluster: string
}

/** Throws BAD_ARGUMENT outside of a job of ours. */
export function elementEnvironment(env: Readonly<Record<string, string | undefined>>): ElementEnvironment {
  const text = (name: string): string => {
    const value = env[name]
    if (value === undefined || value === '')
      throw new ProcessingError(
        'BAD_ARGUMENT',
        `${name} is not set: this command is what Slurm jobs run that \`tilth up\` has submitted; nobody else needs it.`,
      )
    return value
  }
  const count = (name: string, absent: string): number => Number.parseInt(env[name] ?? absent, 10)
  return {
    batchId: text('TILTH_SLURM_BATCH'),
    element: Number.parseInt(text('SLURM_ARRAY_TASK_ID'), 10),
    run: count('SLURM_RESTART_COUNT', '0'),
    jobId: Number.parseInt(text('SLURM_ARRAY_JOB_ID'), 10),
    node: text('SLURMD_NODENAME'),
    cpus: Math.max(1, count('SLURM_CPUS_PER_TASK', '1')),
    minutes: count('TILTH_SLURM_MINUTES', '0'),
    cluster: text('SLURM_CLUSTER_NAME'),
  }
}

/** Runs one element of a job array to its end. */
export async function carryElement(app: App): Promise<CarryStatus> {
  const found = elementEnvironment(process.env)
  const { db, databaseUrl } = app
  const host = await hostOfRoots(app, found.node)
  const prove = rootsProver(db, { ...app.config, host })
  let roots: Awaited<ReturnType<typeof prove>> | undefined
  const presence = new NodePresence({
    db,
    node: found.node,
    host,
    executor: 'slurm',
    program: { version: app.config.version, schema: app.schema },
    capacity: { slots: cpus().length, memoryMb: Math.floor(totalmem() / 2 ** 20) },
  })
  await presence.join()
  const executor = new LocalExecutor({
    command: [process.execPath, mainProgram(app.config), 'run-step', '--serve'],
    env: {
      TILTH_HOME: app.config.home,
      TILTH_HOST: host,
      TILTH_NODE: found.node,
      DATABASE_URL: databaseUrl,
      // Slurm signals all processes of a job that it ends, preempts or requeues: no user has cancelled the step.
      TILTH_SIGTERM: 'interrupt',
    },
    logFolder: logFolderOf(app),
    poolThreads: found.cpus,
    foldersOf: (step) => (roots === undefined ? [] : Object.values(attemptFolders(roots, step))),
  })
  const watch = new ClaimWatch(executor)
  const lease = (await readSettings(db)).resolve('executor.lease_s').value
  const carrier = new Carrier({
    store: createSlurmStore(db, found.cluster),
    executor,
    run: { ...found, pid: process.pid, leaseSeconds: lease },
    cpus: found.cpus,
    minutes: found.minutes,
    unfitness: async () => {
      const fault = await prove().then(
        (proven) => {
          roots = proven
          return null
        },
        (error: unknown) => {
          const { code, message } = asProcessingError(error)
          if (code !== 'ROOT_UNAVAILABLE') throw error
          return `${code}: ${message}`
        },
      )
      return (
        (await presence.whyNoWork(await readSettings(db), await presence.standing(), fault))?.reason ?? null
      )
    },
    endSilent: async (wasAway) => {
      if (wasAway) watch.databaseIsBack()
      await watch.endSilent(db, lease)
    },
    listen: (onChange) => listenForChanges(databaseUrl, onChange),
    log: stderrLog,
  })
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
    process.on(name, () => {
      carrier.stop(`Slurm ends this job (${name})`)
    })
  const status = await carrier.carry()
  if (roots !== undefined) await sweepAttemptFolders(db, { scratch: roots.scratch }).catch(() => undefined)
  // A node that was unfit stays visible with its fault.
  if (status === 0) await presence.leave()
  return status
}

/** Whose folders count on this node: its own if all of them are registered for it, else those of the host that has submitted. */
export async function hostOfRoots(app: App, node: string): Promise<string> {
  const rows = await listRoots(app.db)
  const isOwn = ROOT_NAMES.every((name) => rows.some((row) => row.host === node && row.name === name))
  return isOwn ? node : app.config.host
}
