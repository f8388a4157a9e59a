import { access } from 'node:fs/promises'
import { ProcessingError } from '../../domain/errors.js'
import { describeGrid, type Grid } from '../../domain/grid.js'
import { warpToGrid } from '../../raster/warp-to-grid.js'

/**
 * Clouds of a mask that the user gave, on a grid: 1 where the nearest pixel of its first band is neither 0 nor no-data, else 0. Another CRS or pixel size is warped; where the mask does not reach, it says
 * nothing. @param extent the whole image, somewhere on which the mask has to have a value; checked where `grid` is that grid.
 * @throws ProcessingError NOT_FOUND, RASTER_UNREADABLE (broken, cut short, without CRS), BAD_ARGUMENT where it has no value anywhere on the image.
 */
export async function givenClouds(path: string, grid: Grid, extent: 'whole' | 'part'): Promise<Uint8Array> {
  if (!path.startsWith('/vsi'))
    await access(path).catch((cause: unknown) => {
      throw new ProcessingError('NOT_FOUND', `The cloud mask '${path}' is not there or may not be read.`, {
        cause,
      })
    })
  const values = await warpToGrid(path, grid, 'near')
  if (extent === 'whole' && values.every(Number.isNaN))
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `The cloud mask '${path}' has no value anywhere on ${describeGrid(grid)}; give one that covers the image.`,
    )
  return Uint8Array.from(values, (value) => (value !== 0 && !Number.isNaN(value) ? 1 : 0))
}
