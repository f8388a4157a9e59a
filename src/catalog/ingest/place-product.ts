import { randomUUID } from 'node:crypto'
import { access, constants, cp, lstat, readdir, realpath, rm, symlink } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { asUnreadable } from '../../products/unreadable.js'
import { fsyncTree, makeFolder, moveIntoPlace, publishError } from '../../products/publish.js'

/** Folder below the root `l1` where products are copied and unpacked before they are moved to their places. */
const STAGING = '.staging'

/** A new real path below the root's staging folder; nothing lies there yet. */
export async function stagingPath(root: string): Promise<string> {
  const folder = join(root, STAGING)
  try {
    await makeFolder(folder)
    return join(await realpath(folder), `${process.pid}-${randomUUID()}`)
  } catch (cause) {
    throw publishError(`Making ${folder}`, cause)
  }
}

/** Removes what an ingest that died left in staging, once nothing at its top changed for so long. */
export async function sweepStaging(root: string, graceSeconds: number): Promise<void> {
  const folder = join(root, STAGING)
  for (const name of await readdir(folder).catch(() => [])) {
    const info = await lstat(join(folder, name)).catch(() => null)
    if (info !== null && Date.now() - info.mtimeMs > graceSeconds * 1000)
      await rm(join(folder, name), { recursive: true, force: true }).catch(() => undefined)
  }
}

/** A product on its way into the root `l1`. */
export interface Staged {
  /** Path below the root, where the product is or will be. */
  place(target: string): Promise<string>
  /** Removes what was not placed. */
  drop(): Promise<void>
}

/**
 * Gets a folder ready for its place: a link to it, or a flushed copy. What lies in the root already is used where it is.
 * Rejects with DISK_FULL or WRITE_FAILED, and with PRODUCT_UNREADABLE where the folder vanished or a part of it cannot be read.
 */
export async function stageFolder(root: string, path: string, copy: boolean): Promise<Staged> {
  const inside = relative(await realpath(root), path)
  if (inside !== '' && inside !== '..' && !inside.startsWith('../'))
    return { place: () => Promise.resolve(inside), drop: () => Promise.resolve() }
  const fresh = await stagingPath(root)
  try {
    if (copy) await cp(path, fresh, { recursive: true, dereference: true, preserveTimestamps: true })
    else await symlink(path, fresh)
    if (copy) await fsyncTree(fresh)
  } catch (cause) {
    await rm(fresh, { recursive: true, force: true })
    // The error of a copy names its source also where the target was at fault.
    const source = cause instanceof Error && 'path' in cause ? String(cause.path) : path
    const cannotRead = await access(source, constants.R_OK).then(
      () => false,
      () => true,
    )
    const unreadable = cannotRead && source.startsWith(path) ? asUnreadable(path, cause) : cause
    throw publishError(`Copying '${path}' to ${fresh}`, unreadable)
  }
  return stagedAt(root, fresh)
}

/** The same for a folder that was unpacked below the root's staging folder: it is flushed and moved. */
export async function stageUnpacked(root: string, path: string): Promise<Staged> {
  await fsyncTree(path)
  return stagedAt(root, path)
}

function stagedAt(root: string, fresh: string): Staged {
  return {
    async place(target) {
      // A folder cannot be renamed over an older one; a link of an earlier ingest that leads nowhere must go as well.
      await rm(join(root, target), { recursive: true, force: true })
      await moveIntoPlace(fresh, join(root, target))
      return target
    },
    drop: () => rm(fresh, { recursive: true, force: true }),
  }
}
