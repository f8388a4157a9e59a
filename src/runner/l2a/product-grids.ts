import type { Grid } from '../../domain/grid.js'
import type { L1cProduct } from '../../domain/sentinel2.js'

export interface ProductGrids {
  /** Of the smallest pixels: MASK.tif, footprint, elevation. */
  readonly finest: Grid
  /** Of B05, where Sen2Cor has its classes: SCL.tif; the finest where the product lacks that band. */
  readonly scene: Grid
  /** Of the largest pixels: AOT.tif, WV.tif. */
  readonly coarsest: Grid
}

/** The grids of a product's images on which its masks and layers are made. */
export function productGrids(l1c: L1cProduct): ProductGrids {
  const grids = Object.values(l1c.bands).map((band) => band.grid)
  const finest = grids.reduce((a, b) => (b.pixelWidthM < a.pixelWidthM ? b : a))
  const coarsest = grids.reduce((a, b) => (b.pixelWidthM > a.pixelWidthM ? b : a))
  return { finest, scene: l1c.bands.B05?.grid ?? finest, coarsest }
}
