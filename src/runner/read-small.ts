import { openRaster } from '../raster/open-raster.js'

/** Longest side of what a quicklook is made from, pixels: an overview of a band just written. */
const QUICKLOOK_SOURCE = 1400

/** A band of int16 from its first overview that is small enough for a quicklook, or whole. Throws RASTER_UNREADABLE. */
export async function readSmall(
  path: string,
): Promise<{ readonly width: number; readonly height: number; readonly pixels: Int16Array }> {
  const reader = await openRaster(path)
  try {
    const factor =
      2 ** Math.max(0, Math.floor(Math.log2(Math.max(reader.width, reader.height) / QUICKLOOK_SOURCE)) + 1)
    const width = Math.ceil(reader.width / factor)
    const height = Math.ceil(reader.height / factor)
    const pixels = new Int16Array(width * height)
    const whole = { x: 0, y: 0, width: reader.width, height: reader.height }
    if (factor <= 1) await reader.read(0, whole, pixels)
    else await reader.readReduced(0, whole, width, height, pixels)
    return { width, height, pixels }
  } finally {
    reader.close()
  }
}
