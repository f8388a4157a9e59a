import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ProcessingError } from '../domain/errors.js'

/** Says that a folder was made by Tilth to be replaced as a whole. */
const MARKER = '.tilth-replaceable'

/**
 * Makes an empty folder in place of an earlier one that was made here. One with anything in it that does not carry the marker is somebody
 * else's: throws CONFLICT, and removes nothing.
 */
export async function replaceOwnFolder(folder: string): Promise<void> {
  const there = await readdir(folder).catch((): string[] => [])
  if (there.length > 0 && !there.includes(MARKER))
    throw new ProcessingError(
      'CONFLICT',
      `${resolve(folder)} is not empty and was not made by this command (it has no ${MARKER}). Give another folder, or empty it.`,
    )
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, MARKER), 'Replaced as a whole by the command that made it.\n')
}
