import type { Grid } from '../../domain/grid.js'
import type { L1Scene } from '../../domain/l1-scene.js'
import { cellGrid } from '../../processors/l2a/cells.js'
import type { L2aParams } from '../../processors/l2a/definition.js'
import type { MaskInput } from '../../processors/l2a/masks/decide-masks.js'
import { MASK_CELL_M, type MaskBand } from '../../processors/l2a/masks/mask-cells.js'
import type { ToaCells } from '../../processors/l2a/toa-cells.js'
import { readHeights } from '../../raster/read-heights.js'
import type { Budget } from '../budget.js'
import type { KernelPool } from '../kernel-pool.js'
import { givenClouds } from './given-clouds.js'
import type { SceneMasks } from './mask-task.js'
import { productGrids } from './product-grids.js'

/** The bands of a family that the masks look at. */
const MASK_BAND_IDS: Readonly<Record<'s2' | 'landsat', Readonly<Record<MaskBand | 'cirrus', string>>>> = {
  s2: { blue: 'B02', green: 'B03', red: 'B04', nir: 'B8A', swir16: 'B11', swir22: 'B12', cirrus: 'B10' },
  landsat: {
    ...{ blue: 'B02', green: 'B03', red: 'B04', nir: 'B05' },
    ...{ swir16: 'B06', swir22: 'B07', cirrus: 'B09' },
  },
}

/** Whether a band is wanted on the cells of masks. */
export const isMaskBand =
  ({ satellite }: Pick<L1Scene, 'satellite'>) =>
  (band: string): boolean =>
    Object.values(MASK_BAND_IDS[satellite]).includes(band)

/** The cells on which masks of a scene are decided: whole pixels of the near infrared; of larger ones (the cirrus band's) each cell takes the pixel below its centre. */
export function maskGrid(scene: L1Scene): Grid {
  const { finest } = productGrids(scene)
  const nir = scene.bands.find(({ id }) => id === MASK_BAND_IDS[scene.satellite].nir)
  return cellGrid(finest, nir?.grid ?? finest, MASK_CELL_M)
}

export interface SceneMasksInput {
  readonly scene: L1Scene
  /** Of the bands of `isMaskBand`, on `maskGrid`. Moved to another thread: empty afterwards. */
  readonly toa: ToaCells
  readonly params: Pick<L2aParams, 'dem' | 'cloud_mask' | 'cloud_dilation'>
  /** Water vapour of a column at sea level, g/cm2: whether the ground shines through in the cirrus band. */
  readonly wv: number
  readonly chain: MaskInput['chain']
  readonly pool: Pick<KernelPool, 'decideMasks'>
  readonly budget: Budget
}

/** Decides the masks of a scene, in a thread of the pool. Throws as `readHeights` for the DEM and `givenClouds` for the user's mask. */
export async function decideSceneMasks(input: SceneMasksInput): Promise<SceneMasks> {
  const { scene, toa, params, wv, chain, pool, budget } = input
  const { grid } = toa
  const { satellite, sensor, sun } = scene
  const red = scene.bands.find(({ id }) => id === MASK_BAND_IDS[satellite].red)
  const { dem, cloud_mask: cloudMask, cloud_dilation: dilationM } = params
  const [altitudeM, givenCloud] = await budget.run(async () => [
    dem === null ? null : (await readHeights(dem, grid, 'bilinear')).metres,
    cloudMask === null ? null : await givenClouds(cloudMask, grid, 'whole'),
  ])
  return budget.run(() =>
    pool.decideMasks({
      ...{ ids: MASK_BAND_IDS[satellite], satellite, sensor, sun, views: red?.detectors ?? [] },
      ...{ toa, wv, altitudeM, givenCloud, chain, dilationM },
    }),
  )
}
