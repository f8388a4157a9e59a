import { lstat, readdir, rename, rm, statfs, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import type { Database } from '../db/connect.js'
import { onTheirWay } from '../db/sources/fetches.js'
import { makeFolder, publishError } from '../products/publish.js'

/** Below the root `l1`, where nothing is ever read as a product. */
const STAGING = '.staging'
const NAME = /^fetch-(\d+)-(\d+)$/

/**
 * The folder of one fetch. What an earlier attempt left of the same offer is taken over by a rename: a process that still writes there, although it
 * lost its claim, finds its folder gone. What is left of another offer is removed.
 */
export async function openStaging(
  root: string,
  {
    acquisitionId,
    attempt,
    offer,
  }: { readonly acquisitionId: number; readonly attempt: number; readonly offer: string },
): Promise<{ readonly folder: string; readonly content: string }> {
  const staging = join(root, STAGING)
  const folder = join(staging, `fetch-${acquisitionId}-${attempt}`)
  try {
    await makeFolder(staging)
    for (const name of (await readdir(staging)).sort()) {
      const [, id, before] = NAME.exec(name) ?? []
      if (Number(id) !== acquisitionId || Number(before) === attempt) continue
      await rm(folder, { recursive: true, force: true })
      await rename(join(staging, name), folder)
    }
    await makeFolder(folder)
    for (const name of await readdir(folder))
      if (name !== offer) await rm(join(folder, name), { recursive: true, force: true })
    const content = join(folder, offer)
    await makeFolder(content)
    // A sweep removes what nothing has changed for long.
    await utimes(folder, new Date(), new Date())
    return { folder, content }
  } catch (cause) {
    throw publishError(`Making ${folder}`, cause)
  }
}

/** Removes what fetches left whose acquisitions are not on their way any more. */
export async function sweepFetches(db: Database, root: string): Promise<void> {
  const staging = join(root, STAGING)
  const names = (await readdir(staging).catch(() => [])).flatMap((name) => {
    const id = NAME.exec(name)?.[1]
    return id === undefined ? [] : [{ name, id: Number(id) }]
  })
  const kept = new Set(
    await onTheirWay(
      db,
      names.map(({ id }) => id),
    ),
  )
  for (const { name, id } of names)
    if (!kept.has(id)) await rm(join(staging, name), { recursive: true, force: true }).catch(() => undefined)
}

/** Free space of a file system for this user, bytes. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

/** Bytes of all files below a folder. */
export async function bytesBelow(folder: string): Promise<number> {
  let bytes = 0
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true }))
    if (entry.isFile())
      bytes += (await lstat(join(entry.parentPath, entry.name)).catch(() => null))?.size ?? 0
  return bytes
}
