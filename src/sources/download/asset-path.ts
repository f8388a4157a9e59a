import { ProcessingError } from '../../domain/errors.js'

const LONGEST_BYTES = 1024
const LONGEST_PART_BYTES = 255

/**
 * A path below a product's folder from what a service says; slashes between parts. Throws ASSET_UNSAFE for `..`, absolute paths,
 * backslashes, control characters, drive letters, hidden files and parts longer than a file system takes. Pure.
 */
export function safeAssetPath(text: string): string {
  const parts = text.split('/').filter((part) => part !== '.')
  const isUnsafe =
    text === '' ||
    text.startsWith('/') ||
    Buffer.byteLength(text) > LONGEST_BYTES ||
    // eslint-disable-next-line no-control-regex -- what is looked for
    /[\\\u0000-\u001f\u007f]|^[A-Za-z]:/.test(text) ||
    parts.some((part) => part === '' || part.startsWith('.') || Buffer.byteLength(part) > LONGEST_PART_BYTES)
  if (isUnsafe || parts.length === 0)
    throw new ProcessingError(
      'ASSET_UNSAFE',
      `A file is named ${JSON.stringify(text.slice(0, 200))}; expected a plain path below the product.`,
    )
  return parts.join('/')
}

/** Throws ASSET_UNSAFE where two paths are one, also by case or composition of letters, or one needs a folder where another is a file. Pure. */
export function checkDistinct(paths: readonly string[]): void {
  const seen = new Map<string, 'file' | 'folder'>()
  const clash = (path: string) =>
    new ProcessingError('ASSET_UNSAFE', `Two files of the product would lie at '${path.slice(0, 200)}'.`)
  for (const path of paths) {
    const parts = path.normalize('NFC').toLowerCase().split('/')
    for (let depth = 1; depth <= parts.length; depth++) {
      const key = parts.slice(0, depth).join('/')
      const kind = depth === parts.length ? 'file' : 'folder'
      const before = seen.get(key)
      if (before !== undefined && (before === 'file' || kind === 'file')) throw clash(path)
      seen.set(key, kind)
    }
  }
}
