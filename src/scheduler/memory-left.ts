import { memoryFreeMb } from './machine-load.js'
import type { SettingsInForce } from './settings-in-force.js'

/** What this machine has available for new steps beyond `executor.memory_reserve_mb`, MiB; nothing where the kernel does not tell. */
export function memoryLeft(settings: SettingsInForce): { readonly memoryLeftMb?: number } {
  const free = memoryFreeMb()
  return free === null ? {} : { memoryLeftMb: free - settings.resolve('executor.memory_reserve_mb').value }
}
