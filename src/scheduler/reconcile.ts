import { existsSync, readFileSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { listClaimers } from '../db/jobs/list-claimers.js'
import { listLiveAttempts } from '../db/jobs/list-live-attempts.js'
import { forgetUnnamedRevisions, listUnnamedRevisions } from '../db/jobs/unnamed-revisions.js'
import { releaseSteps } from '../db/steps/end-attempt.js'
import type { ClaimKey, Queryable } from '../db/steps/queryable.js'

type Roots = Readonly<Partial<Record<string, string>>>

/**
 * Gives back the claims of this node whose step process is dead, if the scheduler that made the claim is dead too; a living one knows how
 * its step process ended, and that it counts as a failure. What is on another node is left to its lease.
 */
export async function releaseDeadClaims(
  db: Queryable,
  { executor, node }: { executor: string; node: string },
): Promise<readonly ClaimKey[]> {
  const claims = await listClaimers(db, { executor, node })
  const dead = claims.filter(
    ({ pid, schedulerPid }) =>
      pid !== null && !isAlive(pid) && (schedulerPid === null || !isAlive(schedulerPid)),
  )
  return dead.length === 0 ? [] : releaseSteps(db, { kind: 'claims', keys: dead }, 'process gone')
}

/**
 * Removes staging and scratch folders of attempts that do not run. Safe beside other schedulers. Returns the absolute folders removed;
 * what cannot be removed stays for the next look.
 */
export async function sweepAttemptFolders(db: Queryable, roots: Roots): Promise<readonly string[]> {
  // Folders first, then rows: a folder that is seen here belongs to a claim that was committed before.
  const folders = await attemptFolders(roots)
  if (folders.length === 0) return []
  const live = new Set((await listLiveAttempts(db)).map(({ id, attempt }) => `${id}-${attempt}`))
  const removed: string[] = []
  for (const { path, key } of folders) if (!live.has(key) && (await remove(path))) removed.push(path)
  return removed
}

/** How many noted folders are looked at in one query. */
const BATCH = 500

/**
 * Removes folders of the archive that were placed by an attempt that ended before it could register them, and at the end of the grace
 * time those that a newer revision has replaced. Which they are stands in the database (`placement`, `former_revision`): a folder that nobody noted,
 * such as one of another database, is never touched. For one scheduler at a time, but safe beside others. Returns the absolute folders removed.
 */
export async function sweepRevisions(
  db: Queryable,
  { archive, graceS }: { archive: string; graceS: number },
): Promise<readonly string[]> {
  const removed: string[] = []
  for (let after = ''; ;) {
    const locations = await listUnnamedRevisions(db, { graceS, after, limit: BATCH })
    const gone: string[] = []
    for (const location of locations) {
      const path = join(archive, location.replace(/^archive:/, ''))
      const wasThere = existsSync(path)
      if (!(await remove(path))) continue
      gone.push(location)
      if (wasThere) removed.push(path)
    }
    await forgetUnnamedRevisions(db, { graceS, locations: gone })
    const last = locations.at(-1)
    if (last === undefined || locations.length < BATCH) return removed
    after = last
  }
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

async function attemptFolders({ archive, scratch }: Roots): Promise<{ path: string; key: string }[]> {
  const staging = archive === undefined ? undefined : join(archive, '.staging')
  const found: { path: string; key: string }[] = []
  for (const [folder, pattern] of [
    [staging, /^(\d+-\d+)$/],
    [scratch, /^step-(\d+-\d+)$/],
  ] as const)
    for (const name of await namesOfFolders(folder)) {
      const key = pattern.exec(name)?.[1]
      if (key !== undefined && folder !== undefined) found.push({ path: join(folder, name), key })
    }
  return found
}

async function namesOfFolders(folder: string | undefined): Promise<string[]> {
  if (folder === undefined) return []
  try {
    return (await readdir(folder, { withFileTypes: true }))
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
  } catch {
    return []
  }
}

const remove = (path: string): Promise<boolean> =>
  rm(path, { recursive: true, force: true }).then(
    () => true,
    () => false,
  )
