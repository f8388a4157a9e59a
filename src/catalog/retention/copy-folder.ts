import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ProcessingError } from '../../domain/errors.js'
import { fsyncTree, makeFolder, moveIntoPlace, publishError } from '../../products/publish.js'

/**
 * Copies a folder to another file system so that `target` is there whole or not at all: into `staging` first, each file read back and
 * compared by SHA-256, flushed, renamed. A target that is there already, from a run that died later, is compared and taken.
 * Rejects with CONFLICT where it holds something else, DISK_FULL, WRITE_FAILED, or RASTER_UNREADABLE where a file comes back changed.
 */
export async function copyFolder(source: string, target: string, staging: string): Promise<void> {
  const files = await filesBelow(source, '')
  if ((await stat(target).catch(() => undefined)) !== undefined) {
    for (const file of files)
      if ((await hashOf(join(source, file))) !== (await hashOf(join(target, file)).catch(() => '')))
        throw new ProcessingError(
          'CONFLICT',
          `${target} exists and differs from ${source} in ${file}. Move it away.`,
        )
    return
  }
  try {
    await rm(staging, { recursive: true, force: true })
    await makeFolder(staging)
    for (const file of files) {
      await mkdir(dirname(join(staging, file)), { recursive: true })
      const written = await copyFile(join(source, file), join(staging, file))
      if ((await hashOf(join(staging, file))) !== written)
        throw new ProcessingError(
          'WRITE_FAILED',
          `${join(staging, file)} reads back differently from what was written. Check the disk; ${source} was left.`,
        )
    }
    await fsyncTree(staging)
    await moveIntoPlace(staging, target)
  } catch (cause) {
    await rm(staging, { recursive: true, force: true }).catch(() => undefined)
    throw publishError(`Copying ${source} to ${target}`, cause)
  }
}

/** Paths of all files below a folder, relative to it, sorted. */
async function filesBelow(root: string, folder: string): Promise<string[]> {
  const found: string[] = []
  for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.isDirectory()) found.push(...(await filesBelow(root, path)))
    else found.push(path)
  }
  return found.sort()
}

/** Returns the SHA-256 of what was read. */
async function copyFile(from: string, to: string): Promise<string> {
  const hash = createHash('sha256')
  const out = await open(to, 'wx')
  try {
    for await (const chunk of createReadStream(from, { highWaterMark: 1 << 20 })) {
      hash.update(chunk as Buffer)
      await out.writeFile(chunk as Buffer)
    }
    // What is read back then comes from the file, whole.
    await out.sync()
  } finally {
    await out.close()
  }
  return hash.digest('hex')
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
