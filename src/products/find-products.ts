import { readdir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ProcessingError } from '../domain/errors.js'
import { ARCHIVE_NAME, archiveKind } from './archive/archive-kind.js'
import { PRODUCT_KINDS, PRODUCT_KIND_NAMES, type ProductKind } from './product-kinds.js'

/** A folder that looks like a product, by its real path. */
export interface ProductFolder {
  readonly kind: ProductKind
  readonly path: string
}
/** Something that may hold acquisitions. */
export type FoundProduct = ProductFolder | { readonly kind: 'archive'; readonly path: string }

const DEEPEST = 8
/** Folder that macOS puts into its zips: a second tree of the same names, with what its file system keeps beside each file. */
const MAC_EXTRAS = '__MACOSX'

/**
 * Products and archives at or below a path, in order of their paths. Symbolic links are followed once; what is hidden is passed over. A file
 * that is named itself is an archive by its content; below folders archives are looked for by their names.
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
  if ((await stat(start)).isFile()) {
    if ((await archiveKind(start)) !== null || ARCHIVE_NAME.test(start))
      return [{ kind: 'archive', path: start }]
    throw noProductAt(path)
  }
  const found = await walk(start, true, onUnknown)
  if (found.length === 0) throw noProductAt(path)
  return found
}

/** Folders at or below a path that look like products, perhaps none. Archives among them are left alone. */
export async function findProductFolders(path: string): Promise<readonly ProductFolder[]> {
  const found = await walk(path, false, () => undefined)
  return found.flatMap((one) => (one.kind === 'archive' ? [] : [one]))
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
    const real = await realpath(path).catch(() => null)
    // A dangling link is no product; a loop of links ends here.
    if (real === null || seen.has(real)) return
    const info = await stat(real)
    if (info.isFile() && archives && ARCHIVE_NAME.test(path)) {
      seen.add(real)
      found.push({ kind: 'archive', path: real })
    }
    if (!info.isDirectory()) return
    seen.add(real)
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
