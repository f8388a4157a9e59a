/** Tile side of our COGs, pixels. */
export const COG_TILE = 512

/** One resolution of a COG: level 0 is the image, each next one has half the sides, rounded up. */
export interface CogLevel {
  readonly width: number
  readonly height: number
  readonly tilesX: number
  readonly tilesY: number
}

/** Levels of an image of the given size in pixels, down to the first that fits one tile. */
export function cogLevels(width: number, height: number): CogLevel[] {
  const levels: CogLevel[] = []
  for (let w = width, h = height; ; w = Math.ceil(w / 2), h = Math.ceil(h / 2)) {
    levels.push({ width: w, height: h, tilesX: Math.ceil(w / COG_TILE), tilesY: Math.ceil(h / COG_TILE) })
    if (w <= COG_TILE && h <= COG_TILE) return levels
  }
}

/** A TIFF tag ready to be written: `data` little-endian, `count` elements of TIFF type `type`. */
export interface TiffTag {
  readonly tag: number
  readonly type: number
  readonly count: number
  readonly data: Buffer
}

const TYPE_SIZE: Readonly<Record<number, number>> = {
  1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 16: 8,
} // prettier-ignore

/** Reads the tags of the first directory of a little-endian classic TIFF. */
export function readTiffTags(file: Buffer): TiffTag[] {
  let at = file.readUInt32LE(4)
  const tags: TiffTag[] = []
  const entries = file.readUInt16LE(at)
  at += 2
  for (let i = 0; i < entries; i++, at += 12) {
    const type = file.readUInt16LE(at + 2)
    const count = file.readUInt32LE(at + 4)
    const size = (TYPE_SIZE[type] ?? 1) * count
    const from = size <= 4 ? at + 8 : file.readUInt32LE(at + 8)
    tags.push({
      tag: file.readUInt16LE(at),
      type,
      count,
      data: Buffer.from(file.subarray(from, from + size)),
    })
  }
  return tags
}

export const shorts = (tag: number, ...values: number[]): TiffTag => {
  const data = Buffer.alloc(values.length * 2)
  values.forEach((value, i) => data.writeUInt16LE(value, i * 2))
  return { tag, type: 3, count: values.length, data }
}

export const longs = (tag: number, values: readonly number[], big = false): TiffTag => {
  const data = Buffer.alloc(values.length * (big ? 8 : 4))
  values.forEach((value, i) =>
    big ? data.writeBigUInt64LE(BigInt(value), i * 8) : data.writeUInt32LE(value, i * 4),
  )
  return { tag, type: big ? 16 : 4, count: values.length, data }
}

/** GDAL's note on the layout, right after the TIFF header: readers then need not ask for tile sizes one by one. */
const GHOST_BODY =
  'LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4\n' +
  'BLOCK_TRAILER=LAST_4_BYTES_REPEATED\nKNOWN_INCOMPATIBLE_EDITION=NO\n '
const GHOST = Buffer.from(
  `GDAL_STRUCTURAL_METADATA_SIZE=${String(GHOST_BODY.length).padStart(6, '0')} bytes\n${GHOST_BODY}`,
  'latin1',
)

/**
 * Header of a TIFF file: magic, GDAL's note, then one directory after another with its values right behind it. `big` chooses
 * BigTIFF. The length depends only on counts and types, so it is made once with dummy offsets and once with the real ones.
 */
export function tiffHeader(directories: readonly (readonly TiffTag[])[], big: boolean): Buffer {
  const head = Buffer.alloc(big ? 16 : 8)
  head.write('II', 'latin1')
  head.writeUInt16LE(big ? 43 : 42, 2)
  if (big) head.writeUInt16LE(8, 4)
  const inline = big ? 8 : 4
  const entrySize = big ? 20 : 12
  const padded = (n: number) => n + (n & 1)
  let at = padded(head.length + GHOST.length)
  if (big) head.writeBigUInt64LE(BigInt(at), 8)
  else head.writeUInt32LE(at, 4)
  const parts: Buffer[] = [head, GHOST, Buffer.alloc(at - head.length - GHOST.length)]
  directories.forEach((unsorted, index) => {
    const tags = [...unsorted].sort((a, b) => a.tag - b.tag)
    const ifd = Buffer.alloc((big ? 16 : 6) + tags.length * entrySize)
    let valuesAt = at + ifd.length
    const values: Buffer[] = []
    if (big) ifd.writeBigUInt64LE(BigInt(tags.length))
    else ifd.writeUInt16LE(tags.length)
    tags.forEach((tag, i) => {
      const entry = (big ? 8 : 2) + i * entrySize
      ifd.writeUInt16LE(tag.tag, entry)
      ifd.writeUInt16LE(tag.type, entry + 2)
      if (big) ifd.writeBigUInt64LE(BigInt(tag.count), entry + 4)
      else ifd.writeUInt32LE(tag.count, entry + 4)
      const field = entry + (big ? 12 : 8)
      if (tag.data.length <= inline) {
        tag.data.copy(ifd, field)
      } else {
        if (big) ifd.writeBigUInt64LE(BigInt(valuesAt), field)
        else ifd.writeUInt32LE(valuesAt, field)
        const body = Buffer.alloc(padded(tag.data.length))
        tag.data.copy(body)
        values.push(body)
        valuesAt += body.length
      }
    })
    const next = index + 1 < directories.length ? valuesAt : 0
    if (big) ifd.writeBigUInt64LE(BigInt(next), ifd.length - 8)
    else ifd.writeUInt32LE(next, ifd.length - 4)
    parts.push(ifd, ...values)
    at = valuesAt
  })
  return Buffer.concat(parts)
}
