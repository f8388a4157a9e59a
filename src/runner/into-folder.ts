import { mkdtemp, rename, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ProcessingError } from '../domain/errors.js'
import { fsyncTree, makeFolder, moveIntoPlace, publishError } from '../products/publish.js'

/** What work gets: an empty folder beside the final one, and how to refuse a product whose name is taken before any pixel is read. */
export interface StagedWork {
  readonly staging: string
  readonly accept: (name: string) => Promise<void>
}

/**
 * Runs work that makes one product folder, and puts it at `<out>/<name>/`: staged beside and renamed when it is whole, so that a folder
 * that is there is complete. Throws as the work, BAD_ARGUMENT, CONFLICT where the product exists and `force` is off, DISK_FULL, WRITE_FAILED.
 */
export async function intoFolder<T extends { readonly name: string; readonly folder: string }>(
  { out: wanted, force }: { readonly out: string; readonly force: boolean },
  work: (staged: StagedWork) => Promise<T>,
): Promise<{ readonly folder: string; readonly result: T }> {
  const out = resolve(wanted)
  const staging = await makeStaging(out)
  try {
    const result = await work({ staging, accept: (name) => refuseExisting(join(out, name), force) })
    const folder = join(out, result.name)
    await fsyncTree(result.folder)
    await replace(result.folder, folder, force ? join(staging, 'replaced') : null)
    return { folder, result }
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}

async function makeStaging(out: string): Promise<string> {
  const existing = await stat(out).catch(() => undefined)
  if (existing !== undefined && !existing.isDirectory())
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `--out: '${out}' is a file, expected a folder. Name another one.`,
    )
  try {
    await makeFolder(out)
    return await mkdtemp(join(out, '.staging-'))
  } catch (cause) {
    throw publishError(`Making the folder '${out}'`, cause)
  }
}

/** Before the work, not after it: a full tile takes a minute. */
async function refuseExisting(folder: string, force: boolean): Promise<void> {
  if (force || (await stat(folder).catch(() => undefined)) === undefined) return
  throw new ProcessingError('CONFLICT', `'${folder}' exists. Use --force to replace it, or another --out.`)
}

/** Moves a product into place; the one that it replaces comes back when that fails. */
async function replace(staged: string, folder: string, aside: string | null): Promise<void> {
  if (aside !== null) await rename(folder, aside).catch(ignoreMissing)
  try {
    await moveIntoPlace(staged, folder)
  } catch (error) {
    if (aside !== null) await rename(aside, folder).catch(ignoreMissing)
    throw error
  }
}

function ignoreMissing(error: unknown): void {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return
  throw error
}
