import { open } from 'node:fs/promises'
import { ProcessingError } from '../domain/errors.js'
import { encodePng, type RgbaImage } from '../raster/png.js'
import { publishError } from './publish.js'

/** Three bands on one grid, row-major, any unit (the stretch is relative). A pixel is no-data where any band is NaN or `nodata`. */
export interface QuicklookInput {
  readonly width: number
  readonly height: number
  readonly red: Int16Array | Uint16Array | Float32Array
  readonly green: Int16Array | Uint16Array | Float32Array
  readonly blue: Int16Array | Uint16Array | Float32Array
  readonly nodata: number
}

export interface QuicklookOptions {
  /** Greatest width or height in pixels; larger images are box-averaged by a whole factor. Default 1024. */
  readonly maxSize?: number
  /** Smaller images are enlarged by a whole factor, nearest neighbour, until the longer side has this many. Default 512. */
  readonly minSize?: number
  /** Brightness out = in^(1/gamma), 1 = linear. Default 1.4: land stays readable beside clouds. */
  readonly gamma?: number
  /** Share of pixels that may be clipped at each end, 0 <= share < 0.5. Default 0.01: at most 2 % in all. */
  readonly clipShare?: number
}

export interface Quicklook extends RgbaImage {
  /** Value of the bands shown as black and as white. Both NaN when every pixel is no-data. */
  readonly low: number
  readonly high: number
  /** Share of the valid pixels with a band below `low` or above `high`; they alone have a component 0 or 255. */
  readonly clippedShare: number
}

/**
 * True-colour picture. One stretch for the three bands: `low` is the 1st percentile of each pixel's least band, `high` the
 * 99th of its greatest, so at most 2 % of the valid pixels are clipped. The gamma brightens dark land and keeps the hue. No-data is transparent; a flat image is mid-grey.
 * Throws INTERNAL where bands and size disagree.
 */
export function renderQuicklook(input: QuicklookInput, options: QuicklookOptions = {}): Quicklook {
  const { maxSize = 1024, minSize = 512, gamma = 1.4, clipShare = 0.01 } = options
  const reduced = reduce(input, Math.ceil(Math.max(input.width, input.height) / maxSize))
  const stretch = jointStretch(reduced, clipShare)
  const small = paint(reduced, stretch.low, stretch.high, gamma)
  const longer = Math.max(reduced.width, reduced.height)
  const factor = longer >= minSize ? 1 : Math.ceil(minSize / longer)
  return { ...enlarge(small, factor), ...stretch }
}

/** Renders and writes `path` (PNG), flushed. Rejects with DISK_FULL or WRITE_FAILED. */
export async function writeQuicklook(
  path: string,
  input: QuicklookInput,
  options: QuicklookOptions = {},
): Promise<Quicklook> {
  const quicklook = renderQuicklook(input, options)
  await writePicture(path, quicklook)
  return quicklook
}

/** Writes a PNG, flushed. Rejects with DISK_FULL or WRITE_FAILED. */
export async function writePicture(path: string, picture: RgbaImage): Promise<void> {
  try {
    const file = await open(path, 'w')
    try {
      await file.writeFile(encodePng(picture))
      await file.sync()
    } finally {
      await file.close()
    }
  } catch (cause) {
    throw publishError(`Writing the quicklook ${path}`, cause)
  }
}

/** Interleaved RGB as float, NaN in all three where no-data. */
interface Rgb {
  readonly width: number
  readonly height: number
  readonly rgb: Float64Array
}

/** Mean over `factor` x `factor` boxes of the valid pixels; no-data where less than half of a box is valid. */
function reduce({ width, height, red, green, blue, nodata }: QuicklookInput, factor: number): Rgb {
  const count = width * height
  if (width < 1 || height < 1 || [red, green, blue].some((band) => band.length !== count))
    throw new ProcessingError(
      'INTERNAL',
      `A quicklook of ${width} x ${height} got bands of ${red.length}, ${green.length} and ${blue.length} pixels.`,
    )
  const w = Math.ceil(width / factor)
  const h = Math.ceil(height / factor)
  const rgb = new Float64Array(w * h * 3)
  const isNoData = (v: number): boolean => v === nodata || Number.isNaN(v)
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++) {
      let n = 0
      let total = 0
      let r = 0
      let g = 0
      let b = 0
      for (let j = y * factor; j < Math.min(height, (y + 1) * factor); j++)
        for (let i = x * factor; i < Math.min(width, (x + 1) * factor); i++) {
          const at = j * width + i
          const vr = red[at] ?? NaN
          const vg = green[at] ?? NaN
          const vb = blue[at] ?? NaN
          total++
          if (isNoData(vr) || isNoData(vg) || isNoData(vb)) continue
          n++
          r += vr
          g += vg
          b += vb
        }
      const isKept = 2 * n >= total && n > 0
      const to = (y * w + x) * 3
      rgb[to] = isKept ? r / n : NaN
      rgb[to + 1] = isKept ? g / n : NaN
      rgb[to + 2] = isKept ? b / n : NaN
    }
  return { width: w, height: h, rgb }
}

function jointStretch({ rgb }: Rgb, clipShare: number): { low: number; high: number; clippedShare: number } {
  const leasts = new Float64Array(rgb.length / 3)
  const greatests = new Float64Array(rgb.length / 3)
  let n = 0
  // By index, not by destructuring: these loops run while nothing else of a step does, and iterators took most of their time.
  for (let i = 0; i < rgb.length; i += 3) {
    const r = rgb[i] ?? NaN
    if (Number.isNaN(r)) continue
    const g = rgb[i + 1] ?? NaN
    const b = rgb[i + 2] ?? NaN
    leasts[n] = Math.min(r, g, b)
    greatests[n] = Math.max(r, g, b)
    n++
  }
  if (n === 0) return { low: NaN, high: NaN, clippedShare: 0 }
  const least = leasts.subarray(0, n)
  const greatest = greatests.subarray(0, n)
  // Floor: never more pixels beyond the limits than the share allows, ties included.
  const skip = Math.floor(n * clipShare)
  const low = Float64Array.from(least).sort()[skip] ?? NaN
  const high = Float64Array.from(greatest).sort()[n - 1 - skip] ?? NaN
  let clipped = 0
  for (let i = 0; i < n; i++) if ((least[i] ?? NaN) < low || (greatest[i] ?? NaN) > high) clipped++
  return { low, high, clippedShare: clipped / n }
}

/**
 * The curve acts on the greatest and the least component; the middle one keeps its share between them, so the hue of HSV stays
 * exactly. (One factor for all three would keep the hue too, but leaves saturation as strong as the black point made it: garish.)
 */
function paint({ width, height, rgb }: Rgb, low: number, high: number, gamma: number): RgbaImage {
  const data = new Uint8Array(width * height * 4)
  const range = high - low
  const curve = (v: number): number => Math.min(1, Math.max(0, (v - low) / range)) ** (1 / gamma)
  for (let p = 0; p < width * height; p++) {
    const r = rgb[p * 3] ?? NaN
    if (Number.isNaN(r)) continue
    const g = rgb[p * 3 + 1] ?? NaN
    const b = rgb[p * 3 + 2] ?? NaN
    const least = Math.min(r, g, b)
    const greatest = Math.max(r, g, b)
    const dark = curve(least)
    const bright = curve(greatest)
    for (let k = 0; k < 3; k++) {
      const value = k === 0 ? r : k === 1 ? g : b
      const share = greatest > least ? (value - least) / (greatest - least) : 0
      data[p * 4 + k] =
        range <= 0
          ? 128
          : value < low
            ? 0
            : value > high
              ? 255
              : 1 + Math.round(253 * (dark + share * (bright - dark)))
    }
    data[p * 4 + 3] = 255
  }
  return { width, height, data }
}

/** Enlarged by a whole factor, nearest neighbour. */
export function enlarge(image: RgbaImage, factor: number): RgbaImage {
  if (factor === 1) return image
  const width = image.width * factor
  const height = image.height * factor
  const from = new Uint32Array(image.data.buffer)
  const to = new Uint32Array(width * height)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      to[y * width + x] = from[Math.floor(y / factor) * image.width + Math.floor(x / factor)] ?? 0
  return { width, height, data: new Uint8Array(to.buffer) }
}
