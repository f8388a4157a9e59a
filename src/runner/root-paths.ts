import { join, relative } from 'node:path'
import { ProcessingError } from '../domain/errors.js'

/** Absolute path of `root:relative/path` on this host. Throws NOT_FOUND for an unknown root, INTERNAL for a path out of it. */
export function resolveRootPath(roots: Readonly<Record<string, string>>, path: string): string {
  const colon = path.indexOf(':')
  const root = roots[path.slice(0, colon)]
  if (colon < 1 || root === undefined)
    throw new ProcessingError(
      'NOT_FOUND',
      `'${path}' names no storage root; this host has ${Object.keys(roots).join(', ')}.`,
    )
  const full = join(root, path.slice(colon + 1))
  if (relative(root, full).startsWith('..'))
    throw new ProcessingError('INTERNAL', `'${path}' leads out of its storage root.`)
  return full
}
