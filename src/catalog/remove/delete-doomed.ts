import { lstat, realpath, rm, rmdir, unlink } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { forgetDoomedPath, listDoomedPaths } from '../../db/catalog/site-removal.js'
import type { Database } from '../../db/connect.js'
import { asProcessingError, ProcessingError } from '../../domain/errors.js'

export interface DeletedPaths {
  readonly deleted: readonly string[]
  /** What stays noted for the next look, and why. */
  readonly kept: readonly { readonly location: string; readonly reason: string }[]
}

/**
 * Deletes what is noted as doomed and named by no row, and the empty folders above it. A link is unlinked, never followed: what it leads to
 * is the user's. What cannot be proven to lie below its root is left alone and said.
 */
export async function deleteDoomed(
  db: Database,
  roots: Readonly<Partial<Record<string, string>>>,
): Promise<DeletedPaths> {
  const deleted: string[] = []
  const kept: { location: string; reason: string }[] = []
  for (const location of await listDoomedPaths(db))
    try {
      const root = roots[location.slice(0, location.indexOf(':'))]
      if (root === undefined) throw new ProcessingError('CONFLICT', 'this host has no such root')
      await deleteBelow(root, location.slice(location.indexOf(':') + 1))
      await forgetDoomedPath(db, location)
      deleted.push(location)
    } catch (error) {
      kept.push({ location, reason: asProcessingError(error).message })
    }
  return { deleted, kept }
}

/**
 * Deletes a file, link or folder below a root; nothing where it is not there. Throws CONFLICT for a path that could lead elsewhere:
 * the root itself, `..`, or a link on the way.
 */
export async function deleteBelow(root: string, inside: string): Promise<void> {
  const parts = inside.split('/')
  if (parts.some((part) => part === '' || part === '.' || part === '..'))
    throw new ProcessingError('CONFLICT', `'${inside}' is no path below a root; it is left alone.`)
  const top = await realpath(root)
  const path = join(top, inside)
  const parent = await realpath(dirname(path)).catch(() => null)
  if (parent === null) return
  if (parent !== dirname(path) || !(parent === top || parent.startsWith(`${top}${sep}`)))
    throw new ProcessingError('CONFLICT', `'${path}' leads to ${parent} by a link; it is left alone.`)
  const found = await lstat(path).catch(() => null)
  if (found?.isDirectory() === true) await rm(path, { recursive: true })
  else if (found !== null) await unlink(path)
  for (let folder = parent; folder !== top; folder = dirname(folder)) {
    const isGone = await rmdir(folder).then(
      () => true,
      () => false,
    )
    if (!isGone) break
  }
}
