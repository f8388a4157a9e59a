import { ProcessingError } from '../domain/errors.js'

/** What the system says of something that vanished, may not be read, is of another kind than it was, or lies on a failing disk. */
const CODES: ReadonlySet<string> = new Set([
  'ENOENT',
  'ENOTDIR',
  'EISDIR',
  'EACCES',
  'EPERM',
  'ELOOP',
  'EIO',
  'ESTALE',
])

/** The system's code of an error; empty for any other error. */
export const systemCode = (error: unknown): string =>
  error instanceof Error && 'code' in error && 'syscall' in error ? String(error.code) : ''

/** PRODUCT_UNREADABLE for an error of the system met while a product was only read; any other error as it is. */
export function asUnreadable(path: string, cause: unknown): unknown {
  if (!CODES.has(systemCode(cause)) || !(cause instanceof Error)) return cause
  return new ProcessingError(
    'PRODUCT_UNREADABLE',
    `'${path}' cannot be read: ${cause.message}. See that it is still there and that this user may read it, then ingest it again.`,
    { cause },
  )
}
