/**
 * Sun zenith and azimuth (clockwise from north) in degrees, without refraction, to about 0.02 degrees between 1950 and 2050.
 * Source: low-precision formulas of the Astronomical Almanac (page C5).
 */
export function sunAngles(ms: number, lon: number, lat: number): { zenith: number; azimuth: number } {
  const rad = Math.PI / 180
  const n = ms / 86_400_000 + 2440587.5 - 2451545
  const meanLongitude = 280.46 + 0.9856474 * n
  const anomaly = (357.528 + 0.9856003 * n) * rad
  const lambda = (meanLongitude + 1.915 * Math.sin(anomaly) + 0.02 * Math.sin(2 * anomaly)) * rad
  const obliquity = (23.439 - 0.0000004 * n) * rad
  const ascension = Math.atan2(Math.cos(obliquity) * Math.sin(lambda), Math.cos(lambda))
  const declination = Math.asin(Math.sin(obliquity) * Math.sin(lambda))
  const sidereal = (280.46062 + 360.98564737 * n + lon) * rad
  const hour = sidereal - ascension
  const [sinLat, cosLat] = [Math.sin(lat * rad), Math.cos(lat * rad)]
  const up = sinLat * Math.sin(declination) + cosLat * Math.cos(declination) * Math.cos(hour)
  const east = -Math.cos(declination) * Math.sin(hour)
  const north = cosLat * Math.sin(declination) - sinLat * Math.cos(declination) * Math.cos(hour)
  return { zenith: Math.acos(up) / rad, azimuth: (((Math.atan2(east, north) / rad) % 360) + 360) % 360 }
}

/** Square of the mean over the present sun-earth distance (the U of the product metadata), unit 1. */
export function sunDistanceFactor(ms: number): number {
  const n = ms / 86_400_000 + 2440587.5 - 2451545
  const anomaly = ((357.528 + 0.9856003 * n) * Math.PI) / 180
  return 1 / (1.00014 - 0.01671 * Math.cos(anomaly) - 0.00014 * Math.cos(2 * anomaly)) ** 2
}
