import type { SlurmElement } from './read-queue.js'

/** Elements of one array that wait with a list of excluded nodes that holds no more. */
export interface StaleExclusion {
  readonly jobId: number
  /** As scontrol names them: `17_[0,3,4]`. */
  readonly elements: string
}

/**
 * What waits in Slurm and excludes other nodes than `wanted`, names with commas: a node that was drained meanwhile, or one that takes work again.
 * `known`: what each array was last told; of others only an empty list is known for what it is, since Slurm writes the names its own way. Pure.
 */
export function staleExclusions(
  queue: ReadonlyMap<string, SlurmElement>,
  known: ReadonlyMap<number, string>,
  wanted: string,
): readonly StaleExclusion[] {
  const waiting = new Map<number, number[]>()
  for (const { jobId, element, state, excluded } of queue.values()) {
    const told = known.get(jobId) ?? (excluded === '' ? '' : undefined)
    if (state.kind === 'waiting' && told !== wanted)
      waiting.set(jobId, [...(waiting.get(jobId) ?? []), element])
  }
  return [...waiting].map(([jobId, elements]) => ({ jobId, elements: `${jobId}_[${elements.join(',')}]` }))
}
