import type { Grid } from '../../domain/grid.js'
import type { L1Scene, L1SceneBand } from '../../domain/l1-scene.js'
import { isDelivered, type L2aParams } from '../../processors/l2a/definition.js'
import type { KernelPool } from '../kernel-pool.js'
import { reflectanceAround } from './surroundings.js'
import { prepareTerrain, type Terrain } from './terrain.js'

/** What the second pass looks at beside a pixel. */
export interface PreparedGround {
  /** Reflectance around each cell where light from beside is taken off; null: taken as the pixel's own. */
  readonly aroundOf: (band: L1SceneBand) => Float32Array | null
  /** Reflectance around each cell as far as it is known: for the uncertainty, too. */
  readonly knownAround: (band: L1SceneBand) => Float32Array | null
  /** Null: level ground. */
  readonly terrain: Terrain | null
}

export interface PrepareGroundOptions {
  readonly scene: L1Scene
  /** Of the smallest pixels. */
  readonly finest: Grid
  readonly cells: Grid
  /** Surface reflectance of a band on cells, NaN where there is none, over ground that is alike everywhere. */
  readonly surfaceOf: (band: L1SceneBand) => Float32Array | null
  /** Not 0 where a cell is cloud: what is below it is taken as what lies around. */
  readonly isCloud: Uint8Array
  readonly params: Pick<L2aParams, 'adjacency' | 'slopes' | 'dem' | 'dem_error' | 'uncertainty'>
  readonly pool: KernelPool
  readonly signal: AbortSignal
}

/** Looks at the ground before pixels are corrected: what surrounds each of them, and how it slopes. Rejects with errors of the elevation model and the signal's reason. */
export async function prepareGround(options: PrepareGroundOptions): Promise<PreparedGround> {
  const { scene, finest, cells, surfaceOf, isCloud, params, pool, signal } = options
  const around = new Map<string, Float32Array>()
  const surround = async (band: L1SceneBand): Promise<void> => {
    signal.throwIfAborted()
    const own = surfaceOf(band)
    if (own === null) return
    const clear = own.map((rho, i) => (isCloud[i] !== 0 ? NaN : rho))
    const means = await reflectanceAround(clear, cells, pool)
    if (means !== null) around.set(band.id, means)
  }
  const { dem, dem_error: demErrorM, slopes, adjacency, uncertainty } = params
  let terrain: Terrain | null = null
  const slope = async (path: string): Promise<void> => {
    const isCanopy = slopes === 'canopy'
    terrain = await prepareTerrain(scene, finest, { dem: path, demErrorM, isCanopy }, pool)
  }
  // All at once: each has work for the pool and work of its own. Nothing of it may run on when this rejects, for the pool is closed then.
  const done = await Promise.allSettled([
    ...(dem === null || slopes === 'none' ? [] : [slope(dem)]),
    ...scene.bands
      .filter(({ id }) => (adjacency || uncertainty) && isDelivered(scene.satellite, id))
      .map((band) => surround(band)),
  ])
  for (const part of done) if (part.status === 'rejected') throw part.reason
  const knownAround = ({ id }: L1SceneBand) => around.get(id) ?? null
  return { aroundOf: adjacency ? knownAround : () => null, knownAround, terrain }
}
