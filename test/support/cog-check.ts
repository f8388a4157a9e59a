import { openSync, readSync, closeSync } from 'node:fs'
import gdal from 'gdal-async'
import { readTiffTags } from '../../src/raster/cog-layout.js'

/**
 * The rules of GDAL's validate_cloud_optimized_geotiff.py (3.6), read through GDAL: returns the broken ones, none for a valid COG.
 * Checked: tiled, overviews present and shrinking, directories in order before the data, overview data before the image's data,
 * row-major blocks, size before each block and last four bytes repeated behind it, GDAL's note on the layout.
 */
export function checkCog(path: string): string[] {
  const errors: string[] = []
  const dataset = gdal.open(path)
  const band = dataset.bands.get(1)
  const images = [band, ...Array.from({ length: band.overviews.count() }, (_, i) => band.overviews.get(i))]
  const layout = dataset.getMetadata('IMAGE_STRUCTURE') as Record<string, string>
  if (layout['LAYOUT'] !== 'COG') errors.push(`LAYOUT is ${layout['LAYOUT'] ?? 'absent'}`)
  const file = openSync(path, 'r')
  const word = (at: number) => {
    const four = Buffer.alloc(4)
    readSync(file, four, 0, 4, at)
    return four.readUInt32LE()
  }
  const first = Buffer.alloc(1 << 16)
  readSync(file, first, 0, first.length, 0)
  if (first.readUInt16LE(2) === 42 && readTiffTags(first).length === 0)
    errors.push('first directory is empty')
  let ifd = 0
  let laterData = Infinity
  images.forEach((image, level) => {
    const { x: width, y: height } = image.size
    const { x: blockX, y: blockY } = image.blockSize
    if (blockX !== 512 || blockY !== 512) errors.push(`level ${level}: blocks of ${blockX} x ${blockY}`)
    if (level > 0 && width >= images[level - 1]!.size.x && width > 1)
      errors.push(`level ${level} does not shrink`)
    const tiff = (image.getMetadata('TIFF') ?? {}) as Record<string, string>
    const at = Number(item(image, 'IFD_OFFSET', tiff))
    if (!(at > ifd)) errors.push(`level ${level}: directory at ${at}, the one before at ${ifd}`)
    ifd = at
    let last = 0
    for (let y = 0; y * blockY < height; y++)
      for (let x = 0; x * blockX < width; x++) {
        const offset = Number(item(image, `BLOCK_OFFSET_${x}_${y}`, tiff))
        const size = Number(item(image, `BLOCK_SIZE_${x}_${y}`, tiff))
        if (!(offset > last))
          errors.push(`level ${level}: block ${x},${y} at ${offset} is not behind ${last}`)
        if (word(offset - 4) !== size) errors.push(`level ${level}: leader of block ${x},${y} is not ${size}`)
        if (word(offset + size) !== word(offset + size - 4))
          errors.push(`level ${level}: trailer of block ${x},${y}`)
        if (offset + size > laterData)
          errors.push(`level ${level}: block ${x},${y} lies behind data of a larger level`)
        last = offset
      }
    laterData = Number(item(image, 'BLOCK_OFFSET_0_0', tiff))
  })
  if (Math.max(images.at(-1)!.size.x, images.at(-1)!.size.y) > 512)
    errors.push('smallest overview is larger than 512')
  if (ifd > laterData) errors.push('a directory lies behind data')
  closeSync(file)
  dataset.close()
  return errors
}

/** Items of the TIFF domain answer only when asked for by name. */
function item(image: gdal.RasterBand, name: string, all: Record<string, string>): string {
  const asked = image as unknown as { getMetadataItem?: (name: string, domain: string) => string }
  return asked.getMetadataItem ? asked.getMetadataItem(name, 'TIFF') : (all[name] ?? 'NaN')
}
