interface Closable {
  close(): void
}

/**
 * Opens several rasters or masks one after another; null stays null. Where one cannot be opened, those before it are closed again: a dataset
 * that nobody holds keeps its file and its cache until the process ends.
 */
export async function openAll<T extends readonly (Closable | null)[]>(openers: {
  readonly [K in keyof T]: () => Promise<T[K]>
}): Promise<T> {
  const opened: (Closable | null)[] = []
  try {
    for (const open of openers) opened.push(await open())
    return opened as unknown as T
  } catch (error) {
    for (const one of opened) one?.close()
    throw error
  }
}
