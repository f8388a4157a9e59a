/** Like Promise.all, but an error is thrown only when all have ended: what comes next, or closes what they use, must not meet one that still goes on. */
export async function allDone<T extends readonly Promise<unknown>[]>(
  work: readonly [...T],
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(work)
  return Promise.all(work)
}
