import { ProcessingError } from '../domain/errors.js'
import type { RgbaImage } from '../raster/png.js'
import { enlarge } from './quicklook.js'

/** A value in the unit of the index, and its colour: red, green, blue. */
type Stop = readonly [value: number, red: number, green: number, blue: number]

/**
 * Colours of NDVI: blue for water and snow (below 0), grey to yellow for bare ground, ever darker green for denser vegetation. Between two
 * stops colours are linear, so that a difference of 0.01 shows as well at 0.2 as at 0.8.
 */
export const NDVI_RAMP: readonly Stop[] = [
  [-1, 20, 35, 100],
  [0, 160, 185, 215],
  [0.001, 190, 180, 165],
  [0.2, 225, 205, 140],
  [0.4, 170, 200, 85],
  [0.6, 80, 160, 50],
  [0.8, 20, 110, 35],
  [1, 0, 60, 20],
]

/** One band, row-major; value = stored x `scale`. */
export interface IndexImage {
  readonly width: number
  readonly height: number
  readonly pixels: Int16Array
  readonly nodata: number
  readonly scale: number
}

/** Greatest and least length of the longer side, as of true-colour quicklooks. */
const MAX_SIZE = 1024
const MIN_SIZE = 512

/** An index in the colours of a ramp; no-data is transparent. Larger images are averaged by a whole factor, smaller ones enlarged. Pure. */
export function renderIndex(image: IndexImage, ramp: readonly Stop[]): RgbaImage {
  const { width, height, pixels, nodata, scale } = image
  if (width < 1 || height < 1 || pixels.length < width * height)
    throw new ProcessingError('INTERNAL', `A picture of ${width} x ${height} got ${pixels.length} pixels.`)
  const factor = Math.ceil(Math.max(width, height) / MAX_SIZE)
  const [w, h] = [Math.ceil(width / factor), Math.ceil(height / factor)]
  const data = new Uint8Array(w * h * 4)
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++) {
      let [n, total, sum] = [0, 0, 0]
      for (let j = y * factor; j < Math.min(height, (y + 1) * factor); j++)
        for (let i = x * factor; i < Math.min(width, (x + 1) * factor); i++) {
          const value = pixels[j * width + i] ?? nodata
          total++
          if (value === nodata) continue
          n++
          sum += value
        }
      if (n === 0 || 2 * n < total) continue
      data.set(colourOf((sum / n) * scale, ramp), (y * w + x) * 4)
    }
  const longer = Math.max(w, h)
  return enlarge({ width: w, height: h, data }, longer >= MIN_SIZE ? 1 : Math.ceil(MIN_SIZE / longer))
}

function colourOf(value: number, ramp: readonly Stop[]): readonly [number, number, number, number] {
  const above = ramp.findIndex(([at]) => at >= value)
  const high = ramp[above] ?? ramp.at(-1)
  const low = ramp[Math.max(0, above - 1)] ?? high
  if (high === undefined || low === undefined) return [0, 0, 0, 255]
  if (above < 0 || low === high) return [high[1], high[2], high[3], 255]
  const t = (value - low[0]) / (high[0] - low[0])
  const mix = (a: number, b: number) => Math.round(a + t * (b - a))
  return [mix(low[1], high[1]), mix(low[2], high[2]), mix(low[3], high[3]), 255]
}
