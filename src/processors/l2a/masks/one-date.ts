import { grownInto, majority } from './cell-shapes.js'
import { hazeDifference, hazeLine, type HazeLine } from './haze-line.js'
import { validCells, type MaskCells } from './mask-cells.js'

/** What a date says of itself, 1 where true; all zero where not valid. */
export interface OneDate {
  readonly isValid: Uint8Array
  readonly cloud: Uint8Array
  /** Thinner than `cloud` and connected to it. */
  readonly thin: Uint8Array
  readonly snow: Uint8Array
  /** By its colour; a cloud's shadow on dark ground may look the same. */
  readonly water: Uint8Array
  readonly haze: HazeLine
}

/** How far above the haze line a cloud lies, unit 1: this at least, and so many of the line's spreads, or soils of another colour are clouds; and the part of it that is still a thin rim. */
const CLOUD_RISE = 0.022
const CLOUD_SPREADS = 2.5
const THIN_PART = 0.55
/** Clouds are brighter in the blue than this above the haze line: dark forest lies off the line of soils. */
const BLUE_RISE = 0.05
/** Square in which the majority decides, m: single bright cells are roofs. */
const MAJORITY_M = 150

/**
 * Clouds, snow and water of a date from its own reflectance at the sensor. After the spectral tests of Fmask (Zhu and Woodcock 2012, RSE 118, 83-94), with one
 * difference: haze is counted from the scene's own clear ground (`hazeLine`) instead of from 0.08, which air and sun shift by more than a thin cloud. Without a
 * thermal band no probability of land is formed.
 *
 * Cloud: blue - 0.5 red above the line by 0.022 or 2.5 of its spreads, or a visible band saturated; blue bright; NDVI < 0.7, NIR / SWIR > 0.75, SWIR22 > 0.03, whiteness < 0.7; no snow; over water
 * SWIR > 0.04. The majority of the cells around decides. Snow: NDSI > 0.4, red > 0.12, NIR > 0.11, SWIR < 0.16 (MAJA's). Water: NDVI < 0.01 and NIR < 0.11, or NDVI < 0.1 and NIR < 0.05.
 */
export function testOneDate(cells: MaskCells): OneDate {
  const { grid, bands, isSaturated } = cells
  const { blue, green, red, nir, swir16, swir22 } = bands
  const size = blue.length
  const isValid = validCells(cells)
  const [water, snow, counts] = [new Uint8Array(size), new Uint8Array(size), new Uint8Array(size)]
  for (let i = 0; i < size; i++) {
    if (isValid[i] === 0) continue
    const g = green[i]!
    const r = red[i]!
    const n = nir[i]!
    const s = swir16[i]!
    water[i] = isWater(r, n) ? 1 : 0
    snow[i] = g - s > 0.4 * (g + s) && r > 0.12 && n > 0.11 && s < 0.16 ? 1 : 0
    counts[i] = water[i] === 0 && snow[i] === 0 && isSaturated[i] === 0 ? 1 : 0
  }
  const difference = hazeDifference(blue, red)
  const haze = hazeLine(difference, counts)
  const cloudRise = Math.max(CLOUD_RISE, CLOUD_SPREADS * haze.spread)
  const [raw, rim] = [new Uint8Array(size), new Uint8Array(size)]
  for (let i = 0; i < size; i++) {
    if (isValid[i] === 0 || snow[i] === 1) continue
    const b = blue[i]!
    const g = green[i]!
    const r = red[i]!
    const n = nir[i]!
    const s = swir16[i]!
    const s2 = swir22[i]!
    const mean = (b + g + r) / 3
    const saturated = isSaturated[i] === 1
    const isCloudColoured =
      n - r < 0.7 * (n + r) &&
      n > 0.75 * s &&
      s2 > 0.03 &&
      (saturated || Math.abs(b - mean) + Math.abs(g - mean) + Math.abs(r - mean) < 0.7 * mean) &&
      (water[i] === 0 || s > 0.04)
    if (!isCloudColoured) continue
    const rise = difference[i]! - haze.level
    raw[i] = saturated || (rise > cloudRise && b > haze.level + BLUE_RISE) ? 1 : 0
    rim[i] = raw[i] === 1 || rise > THIN_PART * cloudRise ? 1 : 0
  }
  const side = 2 * Math.round(MAJORITY_M / grid.pixelWidthM / 2 - 0.25) + 1
  const cloud = majority(raw, isValid, grid, Math.max(1, side))
  const joined = grownInto(
    cloud,
    rim.map((v, i) => v | cloud[i]!),
    grid,
  )
  const thin = joined.map((v, i) => (v === 1 && cloud[i] === 0 ? 1 : 0))
  return {
    isValid,
    cloud,
    thin,
    snow: snow.map((v, i) => (v === 1 && cloud[i] === 0 ? 1 : 0)),
    water: water.map((v, i) => (v === 1 && cloud[i] === 0 ? 1 : 0)),
    haze,
  }
}

const isWater = (red: number, nir: number): boolean =>
  (nir - red < 0.01 * (nir + red) && nir < 0.11) || (nir - red < 0.1 * (nir + red) && nir < 0.05)
