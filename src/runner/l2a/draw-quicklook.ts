import { join } from 'node:path'
import { PRODUCT_FILES } from '../../products/layout.js'
import { writeQuicklook } from '../../products/quicklook.js'
import { readSmall } from '../read-small.js'

/** `quicklook.png` from the overviews of the reflectance of a product; `fileOf` names the file of a band. Throws RASTER_UNREADABLE, DISK_FULL, WRITE_FAILED. */
export async function drawQuicklook(folder: string, fileOf: (band: string) => string): Promise<void> {
  const read = (band: string) => readSmall(join(folder, fileOf(band)))
  const [red, green, blue] = [await read('B04'), await read('B03'), await read('B02')]
  await writeQuicklook(join(folder, PRODUCT_FILES.quicklook), {
    width: red.width,
    height: red.height,
    red: red.pixels,
    green: green.pixels,
    blue: blue.pixels,
    nodata: -32768,
  })
}
