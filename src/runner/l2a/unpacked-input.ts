import { mkdtemp, realpath, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ProcessingError } from '../../domain/errors.js'
import { inTermsOfArchive } from '../../products/archive/member-path.js'
import { unpackArchive, type ArchiveLimits } from '../../products/archive/unpack-archive.js'
import { findProductFolders, noProductAt } from '../../products/find-products.js'
import { makeFolder, publishError } from '../../products/publish.js'

export interface UnpackedInputOptions {
  /** Folder for the unpacked product while it is worked on; made where it is missing. */
  readonly scratch: string
  readonly limits: ArchiveLimits
  readonly signal: AbortSignal
  readonly onNote: (note: string) => void
}

/**
 * Runs work on a product that may come as a folder or in an archive; an archive is unpacked below `scratch` and removed again however the
 * work ends, and its errors name the members, not where they lay meanwhile. Throws the codes of `unpackArchive`, and PRODUCT_UNSUPPORTED where an archive holds none or several products.
 */
export async function withUnpackedInput<T>(
  path: string,
  { scratch, limits, signal, onNote }: UnpackedInputOptions,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const info = await stat(path).catch(() => undefined)
  if (info?.isFile() !== true) return work(path)
  let folder: string
  try {
    await makeFolder(scratch)
    folder = await realpath(await mkdtemp(join(scratch, 'unpacked-')))
  } catch (cause) {
    throw publishError(`Making a folder below '${scratch}'`, cause)
  }
  try {
    const into = join(folder, 'product')
    const { files, bytes } = await unpackArchive({ archive: path, into, limits, signal })
    onNote(`Unpacked ${files} files, ${Math.ceil(bytes / 2 ** 20)} MiB, below ${scratch}.`)
    const [product, ...others] = await findProductFolders(into)
    if (product === undefined) throw noProductAt(path)
    if (others.length > 0)
      throw new ProcessingError(
        'PRODUCT_UNSUPPORTED',
        `Archive '${path}' holds ${others.length + 1} products; unpack it and name one of them, or use \`tilth ingest\`.`,
      )
    return await work(product.path).catch((error: unknown) => {
      throw error instanceof ProcessingError
        ? inTermsOfArchive(error, { archive: path, folder: into })
        : error
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
