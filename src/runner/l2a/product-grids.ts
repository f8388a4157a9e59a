import type { Grid } from '../../domain/grid.js'
import type { L1Scene } from '../../domain/l1-scene.js'

export interface ProductGrids {
  /** Of the smallest pixels: MASK.tif, footprint, elevation. */
  readonly finest: Grid
  /** Of the scene's class band: SCL.tif; the finest where the product lacks that band. */
  readonly scene: Grid
  /** Of the largest pixels: AOT.tif, WV.tif. */
  readonly coarsest: Grid
}

/** The grids of a product's images on which its masks and layers are made. */
export function productGrids({ bands, classBand }: L1Scene): ProductGrids {
  const grids = bands.map((band) => band.grid)
  const finest = grids.reduce((a, b) => (b.pixelWidthM < a.pixelWidthM ? b : a))
  const coarsest = grids.reduce((a, b) => (b.pixelWidthM > a.pixelWidthM ? b : a))
  return { finest, scene: bands.find(({ id }) => id === classBand)?.grid ?? finest, coarsest }
}
