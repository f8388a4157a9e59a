import { join } from 'node:path'
import { PRODUCT_FILES } from '../../products/layout.js'
import { writeQuicklook } from '../../products/quicklook.js'
import { readSmall } from '../read-small.js'

/** Red, green and blue of every sensor. */
export const TRUE_COLOUR = ['B04', 'B03', 'B02'] as const

/**
 * `quicklook.png` from the overviews of the reflectance of a product, in true colour, or grey of its first band where it lacks a visible one; `fileOf` names the file of a
 * band. Returns a title for it. Throws RASTER_UNREADABLE, DISK_FULL, WRITE_FAILED.
 */
export async function drawQuicklook(
  folder: string,
  bands: readonly string[],
  fileOf: (band: string) => string,
): Promise<string> {
  const read = (band: string) => readSmall(join(folder, fileOf(band)))
  const isColour = TRUE_COLOUR.every((band) => bands.includes(band))
  const red = await read(isColour ? 'B04' : (bands[0] ?? ''))
  const [green, blue] = isColour ? [await read('B03'), await read('B02')] : [red, red]
  await writeQuicklook(join(folder, PRODUCT_FILES.quicklook), {
    width: red.width,
    height: red.height,
    red: red.pixels,
    green: green.pixels,
    blue: blue.pixels,
    nodata: -32768,
  })
  return isColour ? 'True-colour picture' : `Picture of ${bands[0] ?? ''}`
}
