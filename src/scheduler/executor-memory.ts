import { readLargestNodeMb } from '../db/nodes/read-largest-node.js'
import type { Queryable } from '../db/steps/queryable.js'
import type { SettingsInForce } from './settings-in-force.js'

/**
 * Most memory that a step can be given where it runs, MiB; Infinity where nobody knows. On hosts: `executor.memory_mb`. That is of the machine of whoever
 * asks and says nothing about a cluster: there it is what the largest node has beside `slurm.memory_extra_mb`, or where no scheduler has told it yet
 * `resources.memory_ceiling_mb`, if that is set.
 */
export async function executorMemoryMb(
  db: Queryable,
  settings: SettingsInForce,
  executor: string,
): Promise<number> {
  if (executor !== 'slurm') return settings.resolve('executor.memory_mb').value
  const largest = await readLargestNodeMb(db)
  const ceiling = settings.resolve('resources.memory_ceiling_mb').value
  if (largest === null) return ceiling > 0 ? ceiling : Infinity
  return Math.max(1, largest - settings.resolve('slurm.memory_extra_mb').value)
}
