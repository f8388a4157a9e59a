import { ProcessingError } from '../../domain/errors.js'
import type { SpectralSensor } from '../../domain/l1-scene.js'
import { BAND_GASES, WATER_ABOVE, type BandGases } from './tables/gas-absorption.js'

/** Two-way transmittances of the gases of one band, unit 1. */
export interface GasTransmittance {
  readonly water: number
  /** With half of the water vapour: what the light scattered by aerosol meets, aerosol and vapour sharing the lowest kilometres. */
  readonly halfWater: number
  readonly ozone: number
  /** O2, CO2, CH4, NO2, CO. */
  readonly other: number
}

/** Share of the ozone column that lies in the lowest atmosphere: 0.9 % less above 1 km (902 hPa), from rows of 6SV2.1. */
const OZONE_BELOW_TARGET = 0.079
/** Share of the column on the path of light that aerosol scattered: eq. 1 of the signal model (6S, aerosol amid the vapour). */
const HALF = 0.5

const transmittance = (a: number, n: number, amount: number): number =>
  a === 0 || amount <= 0 ? 1 : Math.exp(a * amount ** n)

/** A curve of growth: parabola of ln(-ln T) over the logarithm of the amount. */
function waterTransmittance(curve: NonNullable<BandGases['h2o']>, amount: number): number {
  if (amount <= 0) return 1
  const x = Math.log(amount)
  return Math.exp(-Math.exp(curve[0] + x * (curve[1] + x * curve[2])))
}

/** Fits of a platform's band. @throws ProcessingError SENSOR_UNKNOWN. */
function gasesOf(platform: SpectralSensor, band: string): BandGases {
  const gases = BAND_GASES[platform][band]
  if (gases !== undefined) return gases
  throw new ProcessingError(
    'SENSOR_UNKNOWN',
    `No gas coefficients for band '${band}' of '${platform}'. Known bands: ${Object.keys(BAND_GASES[platform]).join(', ')}.`,
  )
}

/** Share of the water vapour above sea level that lies above a target, unit 1. @param pressureRatio of the target to sea level. */
export function waterShareAbove(pressureRatio: number): number {
  const height = -Math.log(pressureRatio)
  return Math.exp(-height * waterSteepness(height))
}

/** How fast vapour falls with height, which counts in scale heights of the air. */
const waterSteepness = (height: number): number => WATER_ABOVE[0] + WATER_ABOVE[1] * height

/**
 * Two-way transmittance of one band.
 * @param airMass 1/mu_s + 1/mu_v. @param wv g/cm2 and @param ozone DU, both of the column above sea level.
 * @param pressureRatio pressure at the target / 1013.25 hPa.
 * Source: fits to 6SV2.1 (`tables/gas-absorption.ts`). @throws ProcessingError SENSOR_UNKNOWN.
 */
export function gasTransmittance(
  platform: SpectralSensor,
  band: string,
  {
    airMass,
    wv,
    ozone,
    pressureRatio,
  }: { airMass: number; wv: number; ozone: number; pressureRatio: number },
): GasTransmittance {
  const gases = gasesOf(platform, band)
  const height = -Math.log(pressureRatio)
  const o3 = (airMass * ozone * (1 - OZONE_BELOW_TARGET * (1 - pressureRatio))) / 1000
  const { o3: absorption, other } = gases
  let [water, halfWater] = [1, 1]
  if (gases.h2o !== null) {
    // What lies above the target, and lines that are narrower there.
    const amount = airMass * wv * Math.exp(-height * (waterSteepness(height) + gases.h2o[3]))
    water = waterTransmittance(gases.h2o, amount)
    halfWater = waterTransmittance(gases.h2o, HALF * amount)
  }
  return {
    water,
    halfWater,
    ozone: transmittance(absorption[0], absorption[1], o3),
    other: transmittance(other[0], other[1], airMass * pressureRatio ** other[2]),
  }
}
