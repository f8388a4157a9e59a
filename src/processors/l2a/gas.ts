import type { BandOptics } from './tables/band-optics.js'

/** Two-way transmittances of the gases of one band, unit 1. */
export interface GasTransmittance {
  readonly water: number
  /** With half of the water vapour: what the light scattered by aerosol meets, aerosol and vapour sharing the lowest kilometres. */
  readonly halfWater: number
  readonly ozone: number
  /** O2, CO2, CH4, NO2, CO. */
  readonly other: number
}

/**
 * Power of the pressure ratio that turns water vapour above sea level into the amount that absorbs alike above the target.
 * Fitted to the 1 km rows of the 6SV2.1 table: the absorbing amount is 0.56 of the sea-level column in every band (0.61 by the profile,
 * the rest by narrower lines); 0.8902^4.95 = 0.562. Spread over the bands 0.55-0.59.
 */
const WATER_PRESSURE_POWER = 4.95
/** Share of the ozone column that lies in the lowest atmosphere: 0.9 % less above 1 km (902 hPa), from the same rows. */
const OZONE_BELOW_TARGET = 0.079
/** Share of the column on the path of light that aerosol scattered: eq. 1 of the signal model (6S, aerosol amid the vapour). */
const HALF = 0.5

const transmittance = (a: number, n: number, amount: number): number =>
  a === 0 || amount <= 0 ? 1 : Math.exp(a * amount ** n)

/**
 * Two-way transmittance of one band.
 * @param airMass 1/mu_s + 1/mu_v. @param wv g/cm2 and @param ozone DU, both of the column above sea level.
 * @param pressureRatio pressure at the target / 1013.25 hPa.
 * Source: `Tg = exp(a (m U)^n)` (Rahman and Dedieu 1994), coefficients fitted to 6SV2.1 (`tables/band-optics.ts`).
 */
export function gasTransmittance(
  optics: BandOptics,
  {
    airMass,
    wv,
    ozone,
    pressureRatio,
  }: { airMass: number; wv: number; ozone: number; pressureRatio: number },
): GasTransmittance {
  const water = airMass * wv * pressureRatio ** WATER_PRESSURE_POWER
  const o3 = (airMass * ozone * (1 - OZONE_BELOW_TARGET * (1 - pressureRatio))) / 1000
  const [aOther, nOther, pOther] = optics.other
  return {
    water: transmittance(...optics.h2o, water),
    halfWater: transmittance(...optics.h2o, HALF * water),
    ozone: transmittance(...optics.o3, o3),
    other: transmittance(aOther, nOther, airMass * pressureRatio ** pOther),
  }
}
