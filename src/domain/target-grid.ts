import { ProcessingError } from './errors.js'
import type { Grid } from './grid.js'
import { tileSquare, TILE_SIZE_M, type TileSquare } from './mgrs.js'

/**
 * The tile that `sentinel2:31TCJ` names: on its grid a product of another sensor is wanted. Throws BAD_ARGUMENT for another text, TILE_UNKNOWN for a name that is no
 * tile.
 */
export function parseTargetGrid(text: string): TileSquare {
  const match = /^sentinel2:(\S+)$/.exec(text)
  if (match?.[1] === undefined)
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `grid: expected sentinel2: and a tile, such as sentinel2:31TCJ, found '${text}'.`,
    )
  return tileSquare(match[1])
}

/** The other way. */
export const targetGridName = ({ tile }: TileSquare): string => `sentinel2:${tile}`

/** A tile's grid with pixels of a size; null where they do not fill it exactly. */
export function gridOfTile({ epsg, xmin, ymax }: TileSquare, pixelM: number): Grid | null {
  const pixels = Math.round(TILE_SIZE_M / pixelM)
  if (Math.abs(pixels * pixelM - TILE_SIZE_M) > 1e-6) return null
  return {
    ...{ epsg, ulx: xmin, uly: ymax, width: pixels, height: pixels },
    ...{ pixelWidthM: pixelM, pixelHeightM: pixelM },
  }
}
