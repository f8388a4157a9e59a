/** Embedded servers that this process has joined and not released, by their data folders. */
const inUse = new Set<{ readonly data: string }>()

/** Notes that this process, or one that it starts, uses a server; call what it returns when that is over. */
export function noteServerInUse(data: string): () => void {
  const use = { data }
  inUse.add(use)
  return () => inUse.delete(use)
}

export const listServersInUse = (): readonly string[] => [...new Set([...inUse].map(({ data }) => data))]
