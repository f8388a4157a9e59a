import { join } from 'node:path'
import { PRODUCT_FILES, bandFile, type ReflectanceKind } from '../../products/layout.js'
import { writeQuicklook } from '../../products/quicklook.js'
import { openRaster } from '../../raster/open-raster.js'

/** Longest side of what the quicklook is made from, pixels: an overview of the bands just written. */
const QUICKLOOK_SOURCE = 1400

/** `quicklook.png` from the overviews of the reflectance of a product. Throws RASTER_UNREADABLE, DISK_FULL, WRITE_FAILED. */
export async function drawQuicklook(folder: string, kind: ReflectanceKind): Promise<void> {
  const read = async (band: string) => {
    const reader = await openRaster(join(folder, bandFile(band, kind)))
    try {
      const factor =
        2 ** Math.max(0, Math.floor(Math.log2(Math.max(reader.width, reader.height) / QUICKLOOK_SOURCE)) + 1)
      const width = Math.ceil(reader.width / factor)
      const height = Math.ceil(reader.height / factor)
      const data = new Int16Array(width * height)
      const whole = { x: 0, y: 0, width: reader.width, height: reader.height }
      if (factor <= 1) await reader.read(0, whole, data)
      else await reader.readReduced(0, whole, width, height, data)
      return { width, height, data }
    } finally {
      reader.close()
    }
  }
  const [red, green, blue] = [await read('B04'), await read('B03'), await read('B02')]
  await writeQuicklook(join(folder, PRODUCT_FILES.quicklook), {
    width: red.width,
    height: red.height,
    red: red.data,
    green: green.data,
    blue: blue.data,
    nodata: -32768,
  })
}
