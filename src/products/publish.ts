import { mkdir, open, readdir, rename, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ProcessingError } from '../domain/errors.js'

/**
 * Flushes every file and folder below `folder`, children first, so that a later rename can be trusted after a power cut.
 * Links are not followed. Returns the bytes of all files. Rejects with DISK_FULL or WRITE_FAILED.
 */
export async function fsyncTree(folder: string): Promise<number> {
  return guarded(`Flushing ${folder}`, () => flushBelow(folder))
}

/**
 * Renames `staged` (flushed before) to `final`, which must not exist, makes the parents of `final`, and flushes the parents of both.
 * Either nothing or the whole folder is there afterwards. Rejects with CONFLICT where `final` exists with content, WRITE_FAILED
 * where the two lie on different file systems (a copy could be seen half-made), DISK_FULL or WRITE_FAILED otherwise.
 */
export async function moveIntoPlace(staged: string, final: string): Promise<void> {
  await guarded(`Moving ${staged} to ${final}`, async () => {
    const made = await mkdir(dirname(final), { recursive: true })
    await rename(staged, final)
    // A new folder is an entry of its parent: each parent that was just made needs its own parent flushed.
    const top = made === undefined ? dirname(final) : dirname(made)
    for (let folder = dirname(final); ; folder = dirname(folder)) {
      await flush(folder)
      if (folder === top || folder === dirname(folder)) break
    }
    if (dirname(staged) !== dirname(final)) await flush(dirname(staged)).catch(ignoreMissing)
  })
}

async function flushBelow(folder: string): Promise<number> {
  let bytes = 0
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) bytes += await flushBelow(path)
    else if (entry.isFile()) bytes += await flush(path)
  }
  await flush(folder)
  return bytes
}

/** Returns the size, bytes. */
export async function flush(path: string): Promise<number> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
    return (await handle.stat()).size
  } finally {
    await handle.close()
  }
}

function ignoreMissing(error: unknown): void {
  if (systemCode(error) !== 'ENOENT') throw error
}

const systemCode = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : ''

async function guarded<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw publishError(what, cause)
  }
}

/** The system's error as an operator should read it; `what` begins the message. Exported for its test: EXDEV needs two file systems. */
export function publishError(what: string, cause: unknown): ProcessingError {
  if (cause instanceof ProcessingError) return cause
  const code = systemCode(cause)
  const text = cause instanceof Error ? cause.message : String(cause)
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new ProcessingError('DISK_FULL', `${what}: the file system or quota is full. Free space there.`, {
      cause,
    })
  if (code === 'EXDEV')
    return new ProcessingError(
      'WRITE_FAILED',
      `${what}: the two are on different file systems, so the move cannot be atomic. Stage below the archive itself.`,
      { cause },
    )
  if (code === 'EEXIST' || code === 'ENOTEMPTY')
    return new ProcessingError('CONFLICT', `${what}: the target exists already and is not empty.`, { cause })
  return new ProcessingError('WRITE_FAILED', `${what} failed: ${text}`, { cause })
}

/**
 * Makes a folder and its parents. One at a time, because Node's recursive mkdir never returns where a parent exists but takes no
 * entries (below /proc). Rejects with the system's error.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return
    const parent = dirname(path)
    if (code !== 'ENOENT' || parent === path || (await stat(parent).catch(() => undefined)) !== undefined)
      throw error
    await makeFolder(parent)
    await mkdir(path)
  }
}
