import type { Grid } from '../../domain/grid.js'
import { surroundingsBy } from '../../processors/l2a/surroundings.js'
import type { KernelPool } from '../kernel-pool.js'

/**
 * Reflectance around each cell from that of the cells, NaN where it is not known (no data, cloud), rows shared among the threads of the pool. Null where nothing is known.
 * On shared memory, no NaN.
 */
export async function reflectanceAround(
  own: Float32Array,
  cells: Grid,
  pool: KernelPool,
): Promise<Float32Array | null> {
  const steps = surroundingsBy(own, cells)
  let step = steps.next()
  while (step.done !== true) {
    const { values, weights } = step.value
    const out = new Float32Array(new SharedArrayBuffer(values.byteLength))
    await pool.meansAround({ ...step.value, values: onShared(values), weights: onShared(weights), out })
    step = steps.next(out)
  }
  return step.value
}

function onShared(from: Float32Array): Float32Array {
  const copy = new Float32Array(new SharedArrayBuffer(from.byteLength))
  copy.set(from)
  return copy
}
