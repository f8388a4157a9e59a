import type { Grid } from '../../domain/grid.js'
import type { L1Scene, L1SceneBand, PixelBytes, Placement } from '../../domain/l1-scene.js'
import { placedBytes } from './places.js'

/** How far the ground of images is moved, metres to the east and north of their grids. */
export interface Move {
  readonly eastM: number
  readonly northM: number
}

/**
 * A scene whose images are moved on their own grids, as they are read: digital numbers by cubic convolution, detectors and masks by the nearest pixel. Angles stay: over
 * a move of a few pixels they change by less than a ten thousandth of a degree.
 */
export function moveScene(scene: L1Scene, move: Move): L1Scene {
  const placements = new Map<string, Placement>(
    scene.bands.map(({ id, grid }) => [id, { image: grid, ...move }]),
  )
  const own = (grid: Grid): Placement => ({ image: grid, ...move })
  return {
    ...scene,
    bands: scene.bands.map((band) => ({ ...band, placement: own(band.grid) })),
    openDetectors: async (band: L1SceneBand): Promise<PixelBytes> =>
      placedBytes(await scene.openDetectors(band), band.grid, placements.get(band.id) ?? own(band.grid)),
    openMask: async (grid) => {
      const mask = await scene.openMask(grid)
      return mask === null ? null : placedBytes(mask, grid, own(grid))
    },
  }
}
