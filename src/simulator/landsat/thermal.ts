import { GROUND, VARIANTS, spectraOn } from '../spectra.js'
import { TIRS, TIRS_ADD, type TirsBand } from './calibration.js'
import type { LandsatPlatform } from './oli.js'

/** Kelvin lost per metre of altitude. */
const LAPSE = 0.0065
const WATER = ['river', 'lake']

/**
 * Brightness temperature of the ground, [kind * VARIANTS + variant], kelvin at sea level: an invention for the eye (a season, colder poles, bare ground
 * warmer in the sun than green ground and water), not a model; no air is between ground and sensor.
 */
export function groundTemperatures(dayOfYear: number, lat: number, sunZenith: number): Float32Array {
  const summer = Math.cos((2 * Math.PI * (dayOfYear - (lat < 0 ? 15 : 197))) / 365)
  const air = 300 - 0.35 * Math.abs(lat) + (2 + 0.22 * Math.abs(lat)) * summer
  const heating = 22 * Math.cos((sunZenith * Math.PI) / 180)
  const spectra = spectraOn(dayOfYear, lat < 0)
  return Float32Array.from({ length: GROUND.length * VARIANTS }, (_, k) => {
    const [red, nir] = [spectra.B04[k] ?? 0, spectra.B8A[k] ?? 0]
    const green = nir + red > 0 ? Math.max(0, (nir - red) / (nir + red)) : 0
    return WATER.includes(GROUND[Math.floor(k / VARIANTS)] ?? '')
      ? air - 4
      : air + heating * (1 - 0.8 * green)
  })
}

/** Digital number of a temperature in kelvin at sea level over ground of this altitude in metres. */
export function thermalDn(
  platform: LandsatPlatform,
  band: TirsBand,
): (kelvin: number, altitudeM: number) => number {
  const { mult, k1, k2 } = TIRS[platform][band]
  return (kelvin, altitudeM) => {
    const radiance = k1 / (Math.exp(k2 / (kelvin - LAPSE * altitudeM)) - 1)
    return Math.min(65535, Math.max(1, Math.round((radiance - TIRS_ADD) / mult)))
  }
}
