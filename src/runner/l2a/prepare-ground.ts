import { allDone } from '../../domain/all-done.js'
import type { Grid } from '../../domain/grid.js'
import type { L1Scene, L1SceneBand } from '../../domain/l1-scene.js'
import { isDelivered, type L2aParams } from '../../processors/l2a/definition.js'
import type { KernelPool } from '../kernel-pool.js'
import { reflectanceAround } from './surroundings.js'

/** What the second pass looks at beside a pixel. */
export interface PreparedGround {
  /** Reflectance around each cell where light from beside is taken off; null: taken as the pixel's own. */
  readonly aroundOf: (band: L1SceneBand) => Float32Array | null
  /** Reflectance around each cell as far as it is known: for the uncertainty, too. */
  readonly knownAround: (band: L1SceneBand) => Float32Array | null
}

export interface PrepareGroundOptions {
  readonly scene: L1Scene
  readonly cells: Grid
  /** Surface reflectance of a band on cells, NaN where there is none, over ground that is alike everywhere. */
  readonly surfaceOf: (band: L1SceneBand) => Float32Array | null
  /** Not 0 where a cell is cloud: what is below it is taken as what lies around. */
  readonly isCloud: Uint8Array
  readonly params: Pick<L2aParams, 'adjacency' | 'uncertainty'>
  readonly pool: KernelPool
  readonly signal: AbortSignal
}

/** Looks at the ground before pixels are corrected: what surrounds each of them. Rejects with the signal's reason. */
export async function prepareGround(options: PrepareGroundOptions): Promise<PreparedGround> {
  const { scene, cells, surfaceOf, isCloud, params, pool, signal } = options
  const around = new Map<string, Float32Array>()
  const surround = async (band: L1SceneBand): Promise<void> => {
    signal.throwIfAborted()
    const own = surfaceOf(band)
    if (own === null) return
    const clear = own.map((rho, i) => (isCloud[i] !== 0 ? NaN : rho))
    const means = await reflectanceAround(clear, cells, pool)
    if (means !== null) around.set(band.id, means)
  }
  const { adjacency, uncertainty } = params
  // All at once: each has work for the pool and work of its own.
  await allDone(
    scene.bands
      .filter(({ id }) => (adjacency || uncertainty) && isDelivered(scene.satellite, id))
      .map((band) => surround(band)),
  )
  const knownAround = ({ id }: L1SceneBand) => around.get(id) ?? null
  return { aroundOf: adjacency ? knownAround : () => null, knownAround }
}
