import { availableParallelism } from 'node:os'
import { configureGdal } from '../raster/gdal-runtime.js'
import { Budget } from './budget.js'
import { openKernelPool, type KernelPool } from './kernel-pool.js'
import type { ThreadBudget } from './step-context.js'

/** What one run works with: threads that follow those granted to it, and a budget that gates them. */
export interface Kernels {
  readonly budget: Budget
  readonly pool: KernelPool
  close(): Promise<void>
}

/** Sets GDAL up and starts a pool. Rejects with NATIVE_UNAVAILABLE when the kernels cannot be loaded. */
export async function openKernels(threads: ThreadBudget): Promise<Kernels> {
  configureGdal()
  const budget = new Budget(threads.value)
  const pool = await openKernelPool({ budget, maxThreads: Math.max(availableParallelism(), threads.value) })
  const stopWatching = threads.onChange((now) => {
    budget.setCapacity(now)
  })
  return {
    budget,
    pool,
    close: async () => {
      stopWatching()
      await pool.close()
    },
  }
}
