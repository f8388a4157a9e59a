/** hPa, US standard atmosphere 1962 at sea level. */
export const SEA_LEVEL_HPA = 1013.25
/** The Dead Sea lies at -430 m, no land above 8850 m; anything outside is an error of the elevation model. */
export const ALTITUDE_RANGE_M = { min: -500, max: 9000 } as const
/**
 * Largest step between pressure nodes, hPa. Coefficients are taken as linear in pressure between two nodes; what bends most is water
 * absorption in B08 and B12. 22 hPa keep surface reflectance up to 0.5 within 1e-4 for up to 4 g/cm2 and a sun zenith up to 70 degrees.
 */
export const PRESSURE_STEP_HPA = 22
/** The kernel holds no more. Reached where one tile spans more than 3 km of altitude: nodes lie 32 hPa apart over 5 km, 47 from the sea to 8.8 km. */
export const MAX_PRESSURE_NODES = 16

/**
 * Pressure at an altitude, hPa. @param altitudeM metres above the geoid; outside [-500, 9000] the nearer end is taken, NaN
 * (elevation unknown) means sea level. Source: fit to the US standard atmosphere 1962, P = P0 (1 - 2.25577e-5 z)^5.25588.
 */
export function pressureAtAltitude(altitudeM: number): number {
  const z = Number.isNaN(altitudeM)
    ? 0
    : Math.min(Math.max(altitudeM, ALTITUDE_RANGE_M.min), ALTITUDE_RANGE_M.max)
  return SEA_LEVEL_HPA * (1 - 2.25577e-5 * z) ** 5.25588
}

/** Altitude at a pressure, metres above the geoid: `pressureAtAltitude` the other way round. @param hpa above 0. */
export const altitudeAtPressure = (hpa: number): number =>
  (1 - (hpa / SEA_LEVEL_HPA) ** (1 / 5.25588)) / 2.25577e-5

/**
 * Pressures at which coefficients are evaluated for ground between two altitudes, hPa, strictly ascending, evenly spaced, as few as
 * PRESSURE_STEP_HPA allows and at most MAX_PRESSURE_NODES: one for flat ground, else the first is that of the highest ground, the
 * last that of the lowest. Either order of arguments; metres above the geoid.
 */
export function pressureNodes(minAltitudeM: number, maxAltitudeM: number): number[] {
  const a = pressureAtAltitude(minAltitudeM)
  const b = pressureAtAltitude(maxAltitudeM)
  const low = Math.min(a, b)
  const range = Math.abs(a - b)
  // Less than 0.1 hPa (one metre): a second node would only divide rounding errors.
  if (range < 0.1) return [low]
  const intervals = Math.min(Math.ceil(range / PRESSURE_STEP_HPA), MAX_PRESSURE_NODES - 1)
  return Array.from({ length: intervals + 1 }, (_, i) => low + (range * i) / intervals)
}
