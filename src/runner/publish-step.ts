import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { asProcessingError, ProcessingError } from '../domain/errors.js'
import type { PublishedProduct } from './step-context.js'
import type { AttemptKey } from './step-store.js'

export interface PlacedProduct {
  readonly product: PublishedProduct
  /** `archive:<level>/<tile>/<yyyy>/<mm>/<name>/r<step>-<attempt>` */
  readonly location: string
  /** Absolute path of the same folder. */
  readonly path: string
}

/**
 * Moves staged products to their places in the archive: every file and folder is flushed, then the folder renamed, then its
 * new parent flushed, so that a power cut leaves either nothing or all of it. No row names the folders yet: until they are
 * registered they are invisible, and a sweeper removes what stays so.
 * Rejects with DISK_FULL or WRITE_FAILED; what was moved before is removed again then.
 */
export async function placeProducts(
  archive: string,
  key: AttemptKey,
  products: readonly PublishedProduct[],
): Promise<readonly PlacedProduct[]> {
  const placed: PlacedProduct[] = []
  try {
    for (const product of products) {
      const inArchive = revisionPath(key, product)
      const path = join(archive, inArchive)
      await flushTree(product.folder)
      await mkdir(dirname(path), { recursive: true })
      await rename(product.folder, path)
      placed.push({ product, location: `archive:${inArchive}`, path })
      await flushUpTo(dirname(path), archive)
    }
    return placed
  } catch (cause) {
    await unplaceProducts(placed)
    const error = asProcessingError(cause)
    if (error.code !== 'INTERNAL') throw error
    throw new ProcessingError(
      'WRITE_FAILED',
      `Publishing step ${key.id} into ${archive} failed: ${error.message}`,
      { cause },
    )
  }
}

/** Removes folders that were placed but will never be registered. Best effort: the sweeper takes what is left. */
export async function unplaceProducts(placed: readonly PlacedProduct[]): Promise<void> {
  for (const { path } of placed) await rm(path, { recursive: true, force: true }).catch(() => undefined)
}

/** Below the archive, with forward slashes: `<level>/<tile>/<yyyy>/<mm>/<name>/r<step>-<attempt>`. Throws INTERNAL for names that would leave it. */
export function revisionPath(
  key: AttemptKey,
  product: Pick<PublishedProduct, 'level' | 'tile' | 'sensedAt' | 'name'>,
): string {
  const date = new Date(product.sensedAt)
  if (Number.isNaN(date.getTime()))
    throw new ProcessingError(
      'INTERNAL',
      `Product ${product.name} has the sensing time '${product.sensedAt}', expected ISO 8601.`,
    )
  for (const part of [product.level, product.tile, product.name])
    if (!/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(part))
      throw new ProcessingError(
        'INTERNAL',
        `'${part}' cannot be a folder of the archive (product ${product.name}).`,
      )
  const month = String(date.getUTCMonth() + 1).padStart(2, '0')
  return [
    product.level,
    product.tile,
    date.getUTCFullYear(),
    month,
    product.name,
    `r${key.id}-${key.attempt}`,
  ].join('/')
}

async function flush(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function flushTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) await flushTree(path)
    else if (entry.isFile()) await flush(path)
  }
  await flush(folder)
}

/** Folders that `mkdir` may just have made are entries of their parents: these need flushing too. */
async function flushUpTo(folder: string, top: string): Promise<void> {
  await flush(folder)
  if (folder !== top && !relative(top, folder).startsWith(`..${sep}`) && folder !== dirname(folder))
    await flushUpTo(dirname(folder), top)
}
