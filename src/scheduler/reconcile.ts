import { existsSync, readFileSync } from 'node:fs'
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { listLiveAttempts, listProductLocations, listStepOrigins } from '../db/jobs/list-live-attempts.js'
import { releaseSteps } from '../db/steps/end-attempt.js'
import { listRunningSteps } from '../db/steps/list-running-steps.js'
import type { ClaimKey, Queryable } from '../db/steps/queryable.js'

export interface Reconciled {
  /** Claims given back because their process on this host is dead or their lease ran out. */
  readonly released: readonly ClaimKey[]
  /** Absolute folders removed: staging and scratch of dead attempts, revisions that no product names. */
  readonly removed: readonly string[]
}

/**
 * Clears away what a scheduler or step processes of an earlier life left behind. Safe beside other schedulers: only
 * claims that are certainly dead, and folders of attempts that do not run.
 */
export async function reconcile(
  db: Queryable,
  {
    executor,
    node,
    roots,
    sweepGraceS,
  }: {
    executor: string
    node: string
    roots: Readonly<Partial<Record<string, string>>>
    sweepGraceS: number
  },
): Promise<Reconciled> {
  const running = await listRunningSteps(db, { executor })
  const dead = running.filter((step) => step.node === node && step.pid !== null && !isAlive(step.pid))
  const released = [
    ...(dead.length > 0 ? await releaseSteps(db, { kind: 'claims', keys: dead }, 'process gone') : []),
    ...(await releaseSteps(db, { kind: 'expired' }, 'lease expired')),
  ]
  const removed: string[] = []
  // What cannot be removed stays for the next look: old folders are no reason to run nothing.
  const remove = async (path: string) =>
    rm(path, { recursive: true, force: true }).then(
      () => removed.push(path),
      () => undefined,
    )
  // Folders first, then rows: a folder that is seen here belongs to a claim that was committed before.
  const work = await attemptFolders(roots)
  const revisions = await revisionFolders(roots['archive'])
  const live = new Set((await listLiveAttempts(db)).map(({ id, attempt }) => `${id}-${attempt}`))
  const named = new Set(await listProductLocations(db))
  for (const { path, key } of work) if (!live.has(key)) await remove(path)
  const unnamed = revisions.filter(({ key, location }) => !live.has(key) && !named.has(location))
  const ids = [...new Set(unnamed.map(({ id }) => id))]
  const origins = new Map((await listStepOrigins(db, ids)).map((step) => [step.id, step]))
  for (const { path, id, attempt } of unnamed) {
    const changed = await changedAt(path)
    const step = origins.get(id)
    // A new database on an old archive names none of its revisions: only what a step of this one can have written is its to remove.
    const isOurs = step !== undefined && attempt <= step.attempt && changed > step.madeAt.getTime()
    if (isOurs && Date.now() - changed > sweepGraceS * 1000) await remove(path)
  }
  return { released, removed }
}

/**
 * Zombies are dead. A pid of an earlier life may belong to another process by now: then the lease decides, a little later.
 * Where there is no /proc nothing is known to be dead.
 */
function isAlive(pid: number): boolean {
  if (!existsSync('/proc/self')) return true
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

async function attemptFolders(
  roots: Readonly<Partial<Record<string, string>>>,
): Promise<{ path: string; key: string }[]> {
  const { archive, scratch } = roots
  const staging = archive === undefined ? undefined : join(archive, '.staging')
  const found: { path: string; key: string }[] = []
  for (const [folder, pattern] of [
    [staging, /^(\d+-\d+)$/],
    [scratch, /^step-(\d+-\d+)$/],
  ] as const)
    for (const name of await names(folder)) {
      const key = pattern.exec(name)?.[1]
      if (key !== undefined && folder !== undefined) found.push({ path: join(folder, name), key })
    }
  return found
}

interface Revision {
  readonly path: string
  /** `<step>-<attempt>` */
  readonly key: string
  readonly id: number
  readonly attempt: number
  readonly location: string
}

/** `<level>/<tile>/<yyyy>/<mm>/<name>/r<step>-<attempt>` below the archive. */
async function revisionFolders(archive: string | undefined): Promise<Revision[]> {
  if (archive === undefined) return []
  let folders = ['']
  for (let depth = 0; depth < 5; depth++) {
    const next: string[] = []
    for (const folder of folders)
      for (const name of await names(join(archive, folder)))
        if (!name.startsWith('.')) next.push(folder === '' ? name : `${folder}/${name}`)
    folders = next
  }
  const found: Revision[] = []
  for (const folder of folders)
    for (const name of await names(join(archive, folder))) {
      const [, id, attempt] = /^r(\d{1,15})-(\d{1,9})$/.exec(name) ?? []
      if (id !== undefined && attempt !== undefined)
        found.push({
          path: join(archive, folder, name),
          key: `${id}-${attempt}`,
          id: Number(id),
          attempt: Number(attempt),
          location: `archive:${folder}/${name}`,
        })
    }
  return found
}

async function names(folder: string | undefined): Promise<string[]> {
  if (folder === undefined) return []
  try {
    return (await readdir(folder, { withFileTypes: true }))
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
  } catch {
    return []
  }
}

/** When a folder last changed, ms; infinite for one that another scheduler removes at this moment. */
async function changedAt(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.mtimeMs ?? Infinity
}
