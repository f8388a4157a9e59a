import type { S2Band } from '../../domain/sentinel2.js'
import type { Ground2d, GroundWindow } from '../landscape.js'
import { hash, valueNoise } from '../noise.js'

/** Relative deviations of a window of ground, [pixels]: of blue and of short-wave infrared against red, which stay, and of all bands on this date. */
export interface GroundScatter {
  readonly blue: Float32Array
  readonly swir: Float32Array
  readonly date: Float32Array
}

/** How much of each deviation a band shows; chosen, red stays. */
export const SHOWN: Readonly<Record<S2Band, readonly [blue: number, swir: number, date: number]>> = {
  B01: [1.1, 0, 1],
  B02: [1, 0, 1],
  B03: [0.5, 0, 1],
  B04: [0, 0, 1],
  B05: [0, 0, 0.9],
  B06: [0, 0.2, 0.8],
  B07: [0, 0.2, 0.8],
  B08: [0, 0.2, 0.8],
  B8A: [0, 0.2, 0.8],
  B09: [0, 0.2, 0.8],
  B10: [0, 0.6, 1],
  B11: [0, 1, 1.2],
  B12: [0, 1, 1.2],
}

/** Fields of a few hundred metres, half a kind's own and half the place's. */
const [FIELD_M, PATCH_M] = [700, 500]
/** Value noise has a standard deviation of 0.35; a hash that is uniform in [-1, 1] one of 0.58. */
const [OF_NOISE, OF_HASH] = [1 / 0.35, 1 / 0.58]
const CHANGED_SHARE = 0.04
const CHANGED_BY = -0.3

/** @param day any number of the date: the same gives the same ground. */
export function groundScatter(
  ground: Ground2d,
  { easting, northing, pixelM, width, height }: GroundWindow,
  { spectra, change }: { readonly spectra: number; readonly change: number },
  seed: number,
  day: number,
): GroundScatter {
  const size = width * height
  const [blue, swir, date] = [new Float32Array(size), new Float32Array(size), new Float32Array(size)]
  const half = Math.SQRT1_2
  const uniform = (h: number) => (2 * h) / 0xffffffff - 1
  for (let row = 0; row < height; row++) {
    const y = northing - (row + 0.5) * pixelM
    for (let i = 0; i < width; i++) {
      const k = row * width + i
      const x = easting + (i + 0.5) * pixelM
      const kind = ground.kinds[k] ?? 0
      if (spectra > 0) {
        const of = (salt: number) =>
          spectra *
          half *
          (OF_HASH * uniform(hash(kind, salt, seed)) +
            OF_NOISE * valueNoise(x / FIELD_M, y / FIELD_M, seed + salt))
        blue[k] = of(201)
        swir[k] = of(202)
      }
      if (change > 0) {
        const patch = hash(Math.floor(x / PATCH_M), Math.floor(y / PATCH_M), seed + 203 + day)
        const isChanged = patch < CHANGED_SHARE * 0xffffffff
        date[k] =
          change * OF_NOISE * valueNoise(x / FIELD_M, y / FIELD_M, seed + 204 + day) +
          (isChanged ? CHANGED_BY : 0)
      }
    }
  }
  return { blue, swir, date }
}
