import { readFileSync } from 'node:fs'
import gdal from 'gdal-async'

interface Directory {
  readonly at: number
  readonly width: number
  readonly height: number
  readonly tile: readonly [number, number]
  readonly offsets: readonly number[]
  readonly sizes: readonly number[]
}

/** Directories of a little-endian TIFF or BigTIFF, in file order; a parser of its own, so that the writer's bugs are not shared. */
function directories(file: Buffer): Directory[] {
  const big = file.readUInt16LE(2) === 43
  const word = (at: number) => (big ? Number(file.readBigUInt64LE(at)) : file.readUInt32LE(at))
  const found: Directory[] = []
  for (let at = word(big ? 8 : 4); at !== 0;) {
    const count = big ? Number(file.readBigUInt64LE(at)) : file.readUInt16LE(at)
    const tags = new Map<number, number[]>()
    let entry = at + (big ? 8 : 2)
    for (let i = 0; i < count; i++, entry += big ? 20 : 12) {
      const type = file.readUInt16LE(entry + 2)
      const size = { 3: 2, 4: 4, 16: 8 }[type]
      if (size === undefined) continue
      const n = word(entry + 4)
      const field = entry + (big ? 12 : 8)
      const from = size * n <= (big ? 8 : 4) ? field : word(field)
      const read = (p: number) =>
        size === 2
          ? file.readUInt16LE(p)
          : size === 4
            ? file.readUInt32LE(p)
            : Number(file.readBigUInt64LE(p))
      tags.set(
        file.readUInt16LE(entry),
        Array.from({ length: n }, (_, k) => read(from + k * size)),
      )
    }
    const one = (tag: number) => tags.get(tag)?.[0] ?? 0
    found.push({
      at,
      width: one(256),
      height: one(257),
      tile: [one(322), one(323)],
      offsets: tags.get(324) ?? [],
      sizes: tags.get(325) ?? [],
    })
    at = word(entry)
  }
  return found
}

/**
 * The rules of GDAL's validate_cloud_optimized_geotiff.py (3.6): returns the broken ones, none for a valid COG. Checked: GDAL reports
 * LAYOUT=COG, 512 tiles, overviews shrink down to one tile, directories in order before all data, overview data smallest first and before
 * the image's, blocks row-major, size before each block and its last four bytes repeated behind it.
 */
export function checkCog(path: string): string[] {
  const errors: string[] = []
  const dataset = gdal.open(path)
  const layout = dataset.getMetadata('IMAGE_STRUCTURE') as Record<string, string>
  if (layout['LAYOUT'] !== 'COG') errors.push(`LAYOUT is ${layout['LAYOUT'] ?? 'absent'}`)
  const overviews = dataset.bands.get(1).overviews.count()
  dataset.close()
  const file = readFileSync(path)
  const levels = directories(file)
  if (levels.length !== overviews + 1)
    errors.push(`GDAL sees ${overviews} overviews, the file has ${levels.length - 1}`)
  let end = Infinity
  levels.forEach((level, i) => {
    const before = levels[i - 1]
    if (level.tile[0] !== 512 || level.tile[1] !== 512)
      errors.push(`level ${i}: tiles of ${level.tile.join(' x ')}`)
    if (before && (level.at <= before.at || level.width >= before.width))
      errors.push(`level ${i}: does not follow level ${i - 1}`)
    if (level.offsets.length !== Math.ceil(level.width / 512) * Math.ceil(level.height / 512))
      errors.push(`level ${i}: tile count`)
    level.offsets.forEach((offset, k) => {
      const size = level.sizes[k] ?? 0
      if (offset <= (level.offsets[k - 1] ?? levels.at(-1)?.at ?? 0))
        errors.push(`level ${i}: tile ${k} out of order`)
      if (file.readUInt32LE(offset - 4) !== size) errors.push(`level ${i}: leader of tile ${k}`)
      if (
        !file
          .subarray(offset + size, offset + size + 4)
          .equals(file.subarray(offset + size - 4, offset + size))
      )
        errors.push(`level ${i}: trailer of tile ${k}`)
      if (offset + size > end) errors.push(`level ${i}: tile ${k} lies behind a larger level`)
    })
    end = level.offsets[0] ?? 0
  })
  const last = levels.at(-1)
  if (!last || Math.max(last.width, last.height) > 512)
    errors.push('the smallest overview is larger than one tile')
  return errors
}

/** How the pixels of a raster are compressed, as GDAL names it: `DEFLATE`, `ZSTD`, `LERC`. */
export function compressionOf(file: string): unknown {
  const dataset = gdal.open(file)
  const { COMPRESSION } = dataset.getMetadata('IMAGE_STRUCTURE') as Record<string, unknown>
  dataset.close()
  return COMPRESSION
}
