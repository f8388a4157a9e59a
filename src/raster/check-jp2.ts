import { open, type FileHandle } from 'node:fs/promises'
import { ProcessingError } from '../domain/errors.js'

const JP2_SIGNATURE = 0x6a502020 // 'jP  '
const CODESTREAM_BOX = 0x6a703263 // 'jp2c'
const SOC = 0xff4f
const SIZ = 0xff51
const COD = 0xff52
const PPM = 0xff60
const SOT = 0xff90
const EOC = 0xffd9

/** What the header walk of a JPEG 2000 file learns: its own truth about size and tiling, in pixels. */
export interface Jp2Layout {
  readonly width: number
  readonly height: number
  readonly tileWidth: number
  readonly tileHeight: number
  readonly components: number
  /** Wavelet decompositions of the main header (COD). */
  readonly levels: number
  /** Packet headers are packed into the main header, so that a tile's own bytes do not say everything about it. */
  readonly packedHeaders: boolean
  /** Tile-parts in file order: tile index, first byte after the SOT segment, bytes up to the next tile-part. */
  readonly tileParts: readonly TilePart[]
}

export interface TilePart {
  readonly tile: number
  readonly start: number
  readonly end: number
}

/**
 * Checks that a JPEG 2000 file is whole, without decoding it: boxes end where the file ends or before, tile-parts follow each other
 * without a gap up to the end-of-codestream marker, and each tile of the grid has a tile-part. One small read a tile-part.
 * Why: OpenJPEG decodes what is left of a cut file where the cut falls between code-blocks, and the rest becomes zeros, our no-data.
 * Throws RASTER_UNREADABLE naming the file and what is missing. Returns null where the file is not JPEG 2000 at all.
 * Source: ISO/IEC 15444-1, annexes A (codestream) and I (file format).
 */
export async function checkJp2(path: string): Promise<Jp2Layout | null> {
  let file: FileHandle
  try {
    file = await open(path, 'r')
  } catch (cause) {
    throw new ProcessingError(
      'RASTER_UNREADABLE',
      `'${path}' cannot be opened: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    )
  }
  try {
    const info = await file.stat()
    if (!info.isFile()) throw new ProcessingError('RASTER_UNREADABLE', `'${path}' is no file.`)
    const walker = new Walker(path, file, info.size)
    return await walker.walk()
  } finally {
    await file.close()
  }
}

class Walker {
  constructor(
    private readonly path: string,
    private readonly file: FileHandle,
    private readonly size: number,
  ) {}

  private fail(what: string): never {
    throw new ProcessingError(
      'RASTER_UNREADABLE',
      `'${this.path}' is truncated or damaged: ${what} (file size ${this.size} bytes). Copy or download it again.`,
    )
  }

  private async bytes(offset: number, length: number, what: string): Promise<Buffer> {
    const buffer = Buffer.alloc(length)
    const { bytesRead } = await this.file.read(buffer, 0, length, offset)
    if (bytesRead < length) this.fail(`${what} expected at byte ${offset}, but the file ends`)
    return buffer
  }

  async walk(): Promise<Jp2Layout | null> {
    if (this.size < 12) this.fail('it is shorter than any image')
    const head = await this.bytes(0, 12, 'signature')
    if (head.readUInt16BE(0) === SOC) return this.codestream(0, this.size)
    if (head.readUInt32BE(4) !== JP2_SIGNATURE) return null
    let at = 0
    while (at < this.size) {
      const box = await this.bytes(at, 8, 'box header')
      let length = box.readUInt32BE(0)
      let header = 8
      if (length === 1) {
        length = Number((await this.bytes(at + 8, 8, 'long box header')).readBigUInt64BE(0))
        header = 16
      } else if (length === 0) length = this.size - at
      if (length < header) this.fail(`box at byte ${at} has the impossible length ${length}`)
      if (at + length > this.size) this.fail(`the box at byte ${at} ends at byte ${at + length}`)
      if (box.readUInt32BE(4) === CODESTREAM_BOX) return this.codestream(at + header, at + length)
      at += length
    }
    return this.fail('it has no codestream')
  }

  private async codestream(start: number, end: number): Promise<Jp2Layout> {
    if ((await this.bytes(start, 2, 'start of codestream')).readUInt16BE(0) !== SOC)
      this.fail(`no start of codestream at byte ${start}`)
    let at = start + 2
    let layout: Pick<Jp2Layout, 'width' | 'height' | 'tileWidth' | 'tileHeight' | 'components'> | undefined
    let levels = 0
    let packedHeaders = false
    let seen = new Uint8Array(0)
    const tileParts: TilePart[] = []
    for (;;) {
      if (at + 2 > end) this.fail(`the codestream stops at byte ${at} without its end marker`)
      const marker = (await this.bytes(at, 2, 'marker')).readUInt16BE(0)
      if (marker === EOC) break
      if (marker < 0xff00) this.fail(`no marker at byte ${at}`)
      if (marker !== SOT) {
        const length = (await this.bytes(at + 2, 2, 'marker length')).readUInt16BE(0)
        if (marker === SIZ) {
          const siz = await this.bytes(at + 4, 36, 'image size')
          const u32 = (offset: number) => siz.readUInt32BE(offset)
          const [x1, y1, x0, y0, tw, th, tx, ty] = [
            u32(2),
            u32(6),
            u32(10),
            u32(14),
            u32(18),
            u32(22),
            u32(26),
            u32(30),
          ]
          if (tw === 0 || th === 0 || x1 <= x0 || y1 <= y0) this.fail('its size segment makes no sense')
          layout = {
            width: x1 - x0,
            height: y1 - y0,
            tileWidth: tw,
            tileHeight: th,
            components: siz.readUInt16BE(34),
          }
          const tiles = Math.ceil((x1 - tx) / tw) * Math.ceil((y1 - ty) / th)
          if (tiles > 65535) this.fail(`it claims ${tiles} tiles`)
          seen = new Uint8Array(tiles)
        }
        if (marker === COD) levels = (await this.bytes(at + 9, 1, 'coding style')).readUInt8(0)
        if (marker === PPM) packedHeaders = true
        at += 2 + length
        continue
      }
      const sot = await this.bytes(at, 12, 'tile-part header')
      const tile = sot.readUInt16BE(4)
      const length = sot.readUInt32BE(6)
      if (tile >= seen.length) this.fail(`tile ${tile} at byte ${at} lies outside the image`)
      seen[tile] = 1
      // Length 0: this tile-part is the last and reaches to the end marker (A.4.2).
      if (length !== 0 && length < 14)
        this.fail(`the part of tile ${tile} at byte ${at} has the impossible length ${length}`)
      const next = length === 0 ? end - 2 : at + length
      if (next + 2 > end) this.fail(`the part of tile ${tile} of ${seen.length} ends at byte ${next}`)
      tileParts.push({ tile, start: at + 12, end: next })
      at = next
    }
    if (layout === undefined) return this.fail('it has no size segment')
    const missing = seen.indexOf(0)
    if (missing >= 0) this.fail(`tile ${missing} of ${seen.length} is missing`)
    return { ...layout, levels, packedHeaders, tileParts }
  }
}
