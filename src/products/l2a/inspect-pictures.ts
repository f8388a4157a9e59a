import { MASK_BITS } from '../../domain/mask-bits.js'
import type { RgbaImage } from '../../raster/png.js'

/** What an overlay shows of MASK.tif, first match first: its colour (sRGB) and the bits of which one must be set. */
export const MASK_LAYERS = [
  { name: 'no-data in some band', colour: [120, 120, 120], bits: ['noData'] },
  { name: 'cloud', colour: [214, 39, 120], bits: ['cloud'] },
  { name: 'shadow of a cloud', colour: [255, 160, 0], bits: ['shadowInside', 'shadowOutside'] },
  { name: 'thin rim of a cloud', colour: [242, 150, 196], bits: ['thin'] },
  { name: 'margin around clouds and shadows', colour: [255, 226, 120], bits: ['cloudOrShadow'] },
  { name: 'cirrus', colour: [120, 214, 240], bits: ['cirrus'] },
  { name: 'snow', colour: [126, 87, 194], bits: ['snow'] },
  { name: 'shadow of terrain, low sun', colour: [121, 85, 72], bits: ['topographicShadow', 'lowSun'] },
  { name: 'sun glint', colour: [0, 200, 150], bits: ['sunGlint'] },
  { name: 'water', colour: [25, 90, 220], bits: ['water'] },
  { name: 'saturated in a visible band', colour: [230, 30, 30], bits: ['saturatedVisible'] },
] as const satisfies readonly {
  readonly name: string
  readonly colour: readonly [number, number, number]
  readonly bits: readonly (keyof typeof MASK_BITS)[]
}[]

const LAYER_BITS = MASK_LAYERS.map(({ bits }) => bits.reduce((sum, name) => sum | (1 << MASK_BITS[name]), 0))

/** Dark to bright, even in lightness, told apart with any colour vision. */
const RAMP = [
  [38, 12, 81],
  [59, 76, 140],
  [33, 135, 141],
  [92, 190, 98],
  [250, 230, 60],
] as const

/**
 * Each value of MASK.tif in the colour of the first layer that it belongs to, else transparent, and how many pixels each layer has.
 * @param mask [width x height] values of MASK.tif.
 */
export function paintMask(
  mask: ArrayLike<number>,
  width: number,
  height: number,
): { readonly image: RgbaImage; readonly counts: readonly number[] } {
  const data = new Uint8Array(width * height * 4)
  const counts = MASK_LAYERS.map(() => 0)
  for (let i = 0; i < width * height; i++) {
    const value = mask[i] ?? 0
    const layer = LAYER_BITS.findIndex((bits) => (value & bits) !== 0)
    const colour = MASK_LAYERS[layer]?.colour
    if (colour === undefined) continue
    counts[layer] = (counts[layer] ?? 0) + 1
    data.set([...colour, 255], i * 4)
  }
  return { image: { width, height, data }, counts }
}

/** A share of the ramp, 0..1, clamped, as sRGB. */
export function rampColour(share: number): readonly [number, number, number] {
  const at = Math.min(Math.max(share, 0), 1) * (RAMP.length - 1)
  const low = RAMP[Math.min(Math.floor(at), RAMP.length - 2)] ?? RAMP[0]
  const high = RAMP[Math.min(Math.floor(at) + 1, RAMP.length - 1)] ?? RAMP[0]
  const part = at - Math.min(Math.floor(at), RAMP.length - 2)
  const mix = (k: 0 | 1 | 2) => Math.round(low[k] + part * (high[k] - low[k]))
  return [mix(0), mix(1), mix(2)]
}

export interface PaintedMap {
  readonly image: RgbaImage
  /** Stored value of the darkest and of the brightest colour; null where no pixel has data. */
  readonly range: { readonly low: number; readonly high: number } | null
}

/**
 * Stored values in the colours of the ramp from the least to the greatest of them; no-data transparent, an even map mid-ramp.
 * @param values [width x height].
 */
export function paintMap(
  values: ArrayLike<number>,
  width: number,
  height: number,
  noData: number,
): PaintedMap {
  let [low, high] = [Infinity, -Infinity]
  for (let i = 0; i < width * height; i++) {
    const value = values[i] ?? noData
    if (value === noData) continue
    low = Math.min(low, value)
    high = Math.max(high, value)
  }
  const data = new Uint8Array(width * height * 4)
  for (let i = 0; i < width * height; i++) {
    const value = values[i] ?? noData
    if (value === noData) continue
    data.set([...rampColour(high > low ? (value - low) / (high - low) : 0.5), 255], i * 4)
  }
  return { image: { width, height, data }, range: low <= high ? { low, high } : null }
}
