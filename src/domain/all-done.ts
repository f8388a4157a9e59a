/** Like Promise.all, but an error is thrown only when all have ended: what comes next, or closes what they use, must not meet one that still goes on. */
export async function allDone<T extends readonly Promise<unknown>[]>(
  work: readonly [...T],
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(work)
  return Promise.all(work)
}

/**
 * Starts all at once and waits for all, as `allDone`; the first error aborts the signal that the others heed, and is what is thrown. For work of minutes beside work that may
 * find in seconds that all is in vain.
 */
export async function allOrNone<T extends readonly unknown[]>(
  signal: AbortSignal,
  work: { readonly [K in keyof T]: (signal: AbortSignal) => Promise<T[K]> },
): Promise<T> {
  const stop = new AbortController()
  const heeded = AbortSignal.any([signal, stop.signal])
  const started = work.map(async (start) => {
    try {
      return await start(heeded)
    } catch (error) {
      stop.abort(error)
      throw stop.signal.reason
    }
  })
  return (await allDone(started)) as unknown as T
}
