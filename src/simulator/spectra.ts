import { S2_BANDS, type S2Band } from '../domain/sentinel2.js'
import { hash } from './noise.js'

/** Kinds of ground, numbered as in the class map of the truth. */
export const GROUND = [
  'no-data',
  'river',
  'lake',
  'broadleaf forest',
  'conifer forest',
  'grassland',
  'winter wheat',
  'maize',
  'sunflower',
  'rapeseed',
  'bare soil',
  'settlement',
  'road',
  'rock',
  'orchard',
  'hedge',
  'snow',
] as const
export type Ground = (typeof GROUND)[number]
/** Every kind comes in this many variants: parcels differ in date of growth and brightness. */
export const VARIANTS = 16

type Spectrum = readonly number[]
/**
 * Surface reflectances by band (B01, B02, ..., B8A, B09, B10, B11, B12). Invented for simulation, of plausible shape and size;
 * nothing here was measured.
 */
const GREEN: Spectrum = [
  0.025, 0.028, 0.065, 0.032, 0.095, 0.29, 0.37, 0.395, 0.415, 0.42, 0.36, 0.215, 0.105,
]
const DRY: Spectrum = [0.07, 0.085, 0.13, 0.175, 0.215, 0.25, 0.275, 0.295, 0.315, 0.325, 0.35, 0.34, 0.25]
const FLOWER: Spectrum = [0.04, 0.05, 0.165, 0.135, 0.19, 0.33, 0.39, 0.41, 0.43, 0.435, 0.37, 0.22, 0.11]
const SOIL: Spectrum = [0.065, 0.08, 0.11, 0.15, 0.175, 0.19, 0.205, 0.22, 0.235, 0.245, 0.29, 0.315, 0.27]
const BROADLEAF: Spectrum = [
  0.018, 0.02, 0.042, 0.022, 0.065, 0.21, 0.28, 0.295, 0.315, 0.32, 0.27, 0.145, 0.062,
]
const BRANCHES: Spectrum = [0.04, 0.045, 0.06, 0.07, 0.095, 0.13, 0.15, 0.165, 0.18, 0.185, 0.21, 0.2, 0.14]
const CONIFER: Spectrum = [
  0.013, 0.015, 0.026, 0.018, 0.04, 0.115, 0.145, 0.155, 0.168, 0.17, 0.14, 0.078, 0.036,
]
const RIVER: Spectrum = [
  0.04, 0.048, 0.066, 0.045, 0.04, 0.022, 0.022, 0.017, 0.014, 0.012, 0.006, 0.005, 0.004,
]
const LAKE: Spectrum = [
  0.028, 0.03, 0.033, 0.016, 0.013, 0.008, 0.008, 0.006, 0.005, 0.005, 0.003, 0.003, 0.002,
]
const ROOFS: Spectrum = [0.095, 0.105, 0.125, 0.155, 0.17, 0.18, 0.19, 0.2, 0.21, 0.215, 0.24, 0.25, 0.225]
const ASPHALT: Spectrum = [0.075, 0.08, 0.09, 0.098, 0.105, 0.11, 0.115, 0.12, 0.125, 0.13, 0.15, 0.16, 0.15]
const ROCK: Spectrum = [0.13, 0.145, 0.175, 0.2, 0.21, 0.22, 0.23, 0.235, 0.245, 0.25, 0.29, 0.31, 0.28]
const SNOW: Spectrum = [0.93, 0.94, 0.93, 0.925, 0.915, 0.905, 0.895, 0.88, 0.865, 0.78, 0.42, 0.09, 0.045]

/** The year that others are compared with: its seasons come on the calendar's days, and the landscape's crops are those of its fields. */
export const BASE_YEAR = 2025
/** By how many days the growth of a year is late (negative: early), -10 to 10. */
export const lateDays = (year: number): number => (year === BASE_YEAR ? 0 : (hash(year, 3, 1) % 21) - 10)

/** Surface reflectance of each kind and variant on a day: [kind * VARIANTS + variant] by band, unit 1. `southern` turns the seasons. */
export function spectraOn(
  dayOfYear: number,
  southern: boolean,
  year = BASE_YEAR,
): Readonly<Record<S2Band, Float32Array>> {
  const day = (southern ? (dayOfYear + 182) % 365 : dayOfYear) - lateDays(year)
  const result = Object.fromEntries(
    S2_BANDS.map((b) => [b, new Float32Array(GROUND.length * VARIANTS)]),
  ) as Record<S2Band, Float32Array>
  GROUND.forEach((kind, k) => {
    for (let v = 0; v < VARIANTS; v++) {
      const shift = ((v % 4) - 1.5) * 8
      const brightness = 1 + (Math.floor(v / 4) - 1.5) * 0.09
      const spectrum = groundSpectrum(kind, day - shift)
      S2_BANDS.forEach((band, b) => {
        result[band][k * VARIANTS + v] = Math.min(1, (spectrum[b] ?? 0) * brightness)
      })
    }
  })
  return result
}

function groundSpectrum(kind: Ground, day: number): Spectrum {
  switch (kind) {
    case 'no-data':
      return SOIL.map(() => 0)
    case 'river':
      return RIVER
    case 'lake':
      return LAKE
    case 'broadleaf forest':
      return mix(BRANCHES, BROADLEAF, rise(day, 108, 9) - rise(day, 305, 12))
    case 'conifer forest':
      return CONIFER
    case 'grassland':
      return mix(
        mix(DRY, SOIL, 0.25),
        GREEN,
        0.35 + 0.5 * (rise(day, 75, 14) - 0.8 * rise(day, 190, 14) + 0.5 * rise(day, 265, 14)),
      )
    case 'winter wheat':
      return crop(day, 70, 170, 195, DRY)
    case 'rapeseed':
      return mix(crop(day, 55, 165, 190, DRY), FLOWER, 0.8 * (rise(day, 98, 4) - rise(day, 127, 4)))
    case 'maize':
      return crop(day, 160, 250, 280, DRY)
    case 'sunflower':
      return mix(crop(day, 150, 225, 255, DRY), FLOWER, 0.35 * (rise(day, 188, 4) - rise(day, 210, 5)))
    case 'orchard':
      return mix(mix(SOIL, GREEN, 0.35), mix(SOIL, GREEN, 0.6), rise(day, 110, 10) - rise(day, 300, 12))
    case 'hedge':
      return mix(BRANCHES, BROADLEAF, rise(day, 104, 9) - rise(day, 308, 12))
    case 'bare soil':
      return SOIL
    case 'settlement':
      return mix(ROOFS, GREEN, 0.15)
    case 'road':
      return ASPHALT
    case 'rock':
      return ROCK
    case 'snow':
      return SNOW
  }
}

/** Soil, then green from `sown` + 3 weeks, dry from `ripe`, stubble mixed with soil after `cut`. */
function crop(day: number, sown: number, ripe: number, cut: number, dry: Spectrum): Spectrum {
  const cover = 0.92 * rise(day, sown + 20, 8)
  const standing = mix(mix(SOIL, GREEN, cover), dry, rise(day, ripe, 6) * cover)
  return mix(standing, mix(SOIL, dry, 0.3), rise(day, cut, 2))
}

const rise = (day: number, middle: number, width: number) => 1 / (1 + Math.exp(-(day - middle) / width))
const mix = (a: Spectrum, b: Spectrum, t: number): Spectrum =>
  a.map((x, i) => x + ((b[i] ?? 0) - x) * Math.max(0, Math.min(1, t)))
