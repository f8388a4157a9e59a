import type { Grid } from '../../domain/grid.js'
import {
  coarsened,
  fillUnknown,
  joinNearAndFar,
  surroundingKernel,
  type SurroundingKernel,
} from '../../processors/l2a/surroundings.js'
import type { KernelPool } from '../kernel-pool.js'

/**
 * Reflectance around each cell from that of the cells, NaN where it is not known (no data, cloud). Null where nothing is known.
 * On shared memory, no NaN.
 */
export async function reflectanceAround(
  own: Float32Array,
  { width, height, pixelWidthM }: Grid,
  pool: KernelPool,
): Promise<Float32Array | null> {
  const kernel = surroundingKernel(pixelWidthM)
  const near = await meansOf(own, height, width, kernel.near, pool)
  if (kernel.nearShare < 1) {
    const far = coarsened(own, height, width, kernel.perFar)
    const values = await meansOf(far.values, far.rows, far.columns, kernel.far, pool)
    joinNearAndFar(near, width, { ...far, values }, kernel)
  }
  return fillUnknown(near) ? near : null
}

async function meansOf(
  own: Float32Array,
  rows: number,
  columns: number,
  { radius, weights }: SurroundingKernel['near'],
  pool: KernelPool,
): Promise<Float32Array> {
  const onShared = (from: Float32Array) => {
    const copy = new Float32Array(new SharedArrayBuffer(from.byteLength))
    copy.set(from)
    return copy
  }
  const out = new Float32Array(new SharedArrayBuffer(own.byteLength))
  await pool.meansAround({ values: onShared(own), rows, columns, weights: onShared(weights), radius, out })
  return out
}
