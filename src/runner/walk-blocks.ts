import type { Budget } from './budget.js'

/**
 * Runs work on all blocks, as many at once as the budget has threads and `ahead` more (default 1) that wait: that bounds memory. The budget may grow
 * or shrink meanwhile. Rejects with the first error, or the signal's reason, after all work in flight has ended.
 */
export async function walkBlocks<T>(
  blocks: Iterable<T>,
  {
    budget,
    ahead = 1,
    signal,
  }: { readonly budget: Budget; readonly ahead?: 0 | 1; readonly signal: AbortSignal },
  work: (block: T) => Promise<void>,
): Promise<void> {
  const queue = blocks[Symbol.iterator]()
  let failure: { readonly error: unknown } | undefined
  const walk = async (): Promise<void> => {
    while (failure === undefined) {
      signal.throwIfAborted()
      const next = queue.next()
      if (next.done === true) return
      await work(next.value)
    }
  }
  const walkers: Promise<void>[] = []
  const grow = () => {
    while (walkers.length < budget.capacity + ahead)
      walkers.push(
        walk().catch((error: unknown) => {
          failure ??= { error }
        }),
      )
  }
  grow()
  const stopWatching = budget.onChange(grow)
  // By index: the list may grow while it is waited for.
  for (let i = 0; i < walkers.length; i++) await walkers[i]
  stopWatching()
  if (failure !== undefined) throw failure.error
}
