import { tileSquare } from './mgrs.js'
import { wrs2Tile } from './wrs2.js'

export type Satellite = 's2' | 'landsat'

/** A tile of either grid. */
export interface TileName {
  readonly satellite: Satellite
  readonly tile: string
}

/** The tile of a name: `31TCJ` is one of Sentinel-2, `198030` (path and row) one of Landsat. Throws TILE_UNKNOWN. */
export function tileName(text: string): TileName {
  return /^\s*\d{6}\s*$/.test(text)
    ? { satellite: 'landsat', tile: wrs2Tile(text).tile }
    : { satellite: 's2', tile: tileSquare(text).tile }
}
