import { existsSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ProcessingError } from '../domain/errors.js'

/** When an incomplete product counts as one that is still being copied. */
export interface Settling {
  /** It does where something in it changed less than this long before `now`; 0: never. */
  readonly settleSeconds: number
  readonly now: Date
}

/** What makes a product look like one that is still being copied: a file missing, cut or not yet closed. */
const MAY_BE_COPYING: ReadonlySet<string> = new Set([
  'PRODUCT_INCOMPLETE',
  'METADATA_INVALID',
  'RASTER_UNREADABLE',
])

/** Reads a product; where that fails as it does with one that is still being copied, and it may be, rejects with PRODUCT_COPYING instead. */
export async function readSettled<T>(path: string, settling: Settling, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (cause) {
    if (cause instanceof ProcessingError && MAY_BE_COPYING.has(cause.code))
      await refuseCopying(path, settling, cause.message, cause)
    throw cause
  }
}

/** Throws PRODUCT_COPYING where something of the product changed too short a time ago. `why` it is not complete: a sentence. */
export async function refuseCopying(
  path: string,
  { settleSeconds, now }: Settling,
  why: string,
  cause?: unknown,
): Promise<void> {
  if (settleSeconds <= 0 || !existsSync(path)) return
  const ageSeconds = (now.getTime() - (await newestChangeMs(path))) / 1000
  if (ageSeconds >= settleSeconds) return
  throw new ProcessingError(
    'PRODUCT_COPYING',
    `'${path}' changed ${Math.max(0, Math.round(ageSeconds))} s ago and is not complete yet (${why}) ` +
      `It is tried again once nothing changes for ${settleSeconds} s.`,
    { cause },
  )
}

/** Newest modification time of the folder and all below it, in milliseconds since 1970: a copy in progress changes files or folders. */
async function newestChangeMs(folder: string): Promise<number> {
  let newest = (await stat(folder)).mtimeMs
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    const info = await stat(join(entry.parentPath, entry.name)).catch(() => null)
    if (info !== null) newest = Math.max(newest, info.mtimeMs)
  }
  return newest
}
