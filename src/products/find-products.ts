import { access, constants, lstat, readdir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ProcessingError } from '../domain/errors.js'
import { ARCHIVE_NAME, archiveKind } from './archive/archive-kind.js'
import { kindByName, PRODUCT_KINDS, PRODUCT_KIND_NAMES, type ProductKind } from './product-kinds.js'
import { asUnreadable, systemCode } from './unreadable.js'

/** A folder that looks like a product, by its real path. */
export interface ProductFolder {
  readonly kind: ProductKind
  readonly path: string
}
/** A folder or file that could not be looked at. */
export interface UnreadableFind {
  readonly kind: 'unreadable'
  readonly path: string
  /** What its name promises; null for a folder that may hold anything. */
  readonly promised: ProductKind | 'archive' | null
  readonly error: ProcessingError
}
/** Something that may hold acquisitions. */
export type FoundProduct =
  ProductFolder | { readonly kind: 'archive'; readonly path: string } | UnreadableFind

const DEEPEST = 8
/** Folder that macOS puts into its zips: a second tree of the same names, with what its file system keeps beside each file. */
const MAC_EXTRAS = '__MACOSX'

/**
 * Products and archives at or below a path, in order of their paths. Symbolic links are followed once; what is hidden is passed over. A file
 * that is named itself is an archive by its content; below folders archives are looked for by their names.
 * What cannot be read is among what is found, with the reason; what vanished meanwhile only if its name promised a product.
 * `onUnknown` gets the real path of each folder that holds rasters and is no product.
 * Throws NOT_FOUND, or PRODUCT_UNSUPPORTED where there is none.
 */
export async function findProducts(
  path: string,
  onUnknown: (folder: string) => void = () => undefined,
): Promise<readonly FoundProduct[]> {
  const start = await realpath(path).catch((cause: unknown) => {
    throw new ProcessingError('NOT_FOUND', `'${path}' does not exist or cannot be entered.`, { cause })
  })
  try {
    if ((await stat(start)).isFile()) {
      if ((await archiveKind(start)) !== null || ARCHIVE_NAME.test(start))
        return [{ kind: 'archive', path: start }]
      throw noProductAt(path)
    }
  } catch (cause) {
    return [unreadableAt(start, cause)]
  }
  const found = await walk(start, true, onUnknown)
  if (found.length === 0) throw noProductAt(path)
  return found
}

/**
 * Folders at or below an unpacked archive's real path that look like products, perhaps none. Archives among them are left alone.
 * Throws ARCHIVE_UNSAFE where a link leads out: what is found here is moved away, and must be the archive's own. No link is ever unpacked;
 * this holds should one come there in another way.
 */
export async function findProductFolders(path: string): Promise<readonly ProductFolder[]> {
  const found = await walk(path, false, () => undefined)
  return found.flatMap((one) => {
    if (one.kind === 'unreadable') throw one.error
    if (one.path !== path && !one.path.startsWith(`${path}/`))
      throw new ProcessingError(
        'ARCHIVE_UNSAFE',
        `A link in '${path}' leads out to '${one.path}'; expected nothing but what was unpacked. Nothing was read.`,
      )
    return one.kind === 'archive' ? [] : [one]
  })
}

/** Throws what is no matter of the file system. */
function unreadableAt(path: string, cause: unknown): UnreadableFind {
  const error = cause instanceof ProcessingError ? cause : asUnreadable(path, cause)
  if (!(error instanceof ProcessingError) || error.code !== 'PRODUCT_UNREADABLE') throw error
  return { kind: 'unreadable', path, promised: ARCHIVE_NAME.test(path) ? 'archive' : kindByName(path), error }
}

export function noProductAt(path: string): ProcessingError {
  const signs = PRODUCT_KIND_NAMES.map((kind) => `${PRODUCT_KINDS[kind].name}: ${PRODUCT_KINDS[kind].sign}`)
  return new ProcessingError(
    'PRODUCT_UNSUPPORTED',
    `No product at or below '${path}': no folder with what tells one (${signs.join('; ')}).`,
  )
}

async function walk(
  start: string,
  archives: boolean,
  onUnknown: (folder: string) => void,
): Promise<readonly FoundProduct[]> {
  const found: FoundProduct[] = []
  const seen = new Set<string>()
  const look = async (path: string, depth: number): Promise<void> => {
    try {
      await lookInto(path, depth)
    } catch (cause) {
      const link = await lstat(path).catch(() => null)
      // A dangling link is no product; a loop of links ends here.
      if (link?.isSymbolicLink() === true && ['ENOENT', 'ELOOP'].includes(systemCode(cause))) return
      const unreadable = unreadableAt(path, cause)
      // Other programs' temporary files come and go.
      if (link !== null || unreadable.promised !== null) found.push(unreadable)
    }
  }
  const lookInto = async (path: string, depth: number): Promise<void> => {
    const real = await realpath(path)
    if (seen.has(real)) return
    const info = await stat(real)
    if (info.isFile() && archives && ARCHIVE_NAME.test(path)) {
      seen.add(real)
      found.push({ kind: 'archive', path: real })
    }
    if (!info.isDirectory()) return
    seen.add(real)
    // Without the right to enter it each of its entries would be an error of its own.
    await access(real, constants.X_OK)
    const entries = await readdir(real)
    const kind = PRODUCT_KIND_NAMES.find((one) => PRODUCT_KINDS[one].looksLike(real, entries))
    if (kind !== undefined) found.push({ kind, path: real })
    else {
      if (entries.some((entry) => /\.(tiff?|jp2)$/i.test(entry))) onUnknown(real)
      if (depth < DEEPEST)
        for (const entry of entries.sort())
          if (!entry.startsWith('.') && entry !== MAC_EXTRAS) await look(join(real, entry), depth + 1)
    }
  }
  await look(start, 0)
  return found
}
