import { statfs } from 'node:fs/promises'
import { ProcessingError } from '../domain/errors.js'

/** Absolute folders of the storage roots on this host by name, proved now; rejects with a ProcessingError that names the wrong one. */
export type ProveRoots = () => Promise<Readonly<Partial<Record<string, string>>>>

export interface StorageView {
  /** Why no step may start for the sake of the storage roots, in words: one is not what it was registered as, or too full. Null: none. */
  readonly fault: string | null
  /** MiB that steps may still write below archive and scratch, where there is less; null where that cannot be seen. */
  readonly freeMb: number | null
}

/** Looks at the storage roots that running steps write to. */
export async function lookAtStorage(proveRoots: ProveRoots, minFreeMb: number): Promise<StorageView> {
  let roots: Awaited<ReturnType<ProveRoots>>
  try {
    roots = await proveRoots()
  } catch (error) {
    // A database that is away is the caller's matter.
    if (error instanceof ProcessingError) return { fault: error.message, freeMb: null }
    throw error
  }
  const written = await Promise.all(
    ['archive', 'scratch'].map(async (name) => {
      const path = roots[name]
      const stats = path === undefined ? undefined : await statfs(path).catch(() => undefined)
      return stats === undefined
        ? []
        : [{ name, path, freeMb: Math.floor((stats.bavail * stats.bsize) / 2 ** 20) }]
    }),
  )
  let least: number | null = null
  for (const { name, path, freeMb } of written.flat()) {
    if (freeMb < minFreeMb)
      return {
        fault: `${name} (${path ?? ''}) has ${freeMb} MiB free, storage.min_free_mb is ${minFreeMb}`,
        freeMb: 0,
      }
    least = Math.min(least ?? Infinity, freeMb - minFreeMb)
  }
  return { fault: null, freeMb: least }
}
