/** WGS 84, EPSG:7030. */
const A_M = 6_378_137
const F = 1 / 298.257223563
const E = Math.sqrt(F * (2 - F))
const K0 = 0.9996
const N = F / (2 - F)
const FALSE_EASTING_M = 500_000
const FALSE_NORTHING_SOUTH_M = 10_000_000

// Krueger's series to n^6 as printed by Karney (2011), "Transverse Mercator with an accuracy of a few nanometers",
// J. Geodesy 85(8), 475-485, equations 14 (radius), 35 (alpha) and 36 (beta). Error below 1 um within 3,900 km of the central meridian.
const RADIUS_M = (A_M / (1 + N)) * (1 + N ** 2 / 4 + N ** 4 / 64 + N ** 6 / 256)
const polynomial = (...c: readonly number[]) => c.reduce((sum, k, i) => sum + k * N ** (i + 1), 0)
const ALPHA = [
  polynomial(1 / 2, -2 / 3, 5 / 16, 41 / 180, -127 / 288, 7891 / 37800),
  polynomial(0, 13 / 48, -3 / 5, 557 / 1440, 281 / 630, -1983433 / 1935360),
  polynomial(0, 0, 61 / 240, -103 / 140, 15061 / 26880, 167603 / 181440),
  polynomial(0, 0, 0, 49561 / 161280, -179 / 168, 6601661 / 7257600),
  polynomial(0, 0, 0, 0, 34729 / 80640, -3418889 / 1995840),
  polynomial(0, 0, 0, 0, 0, 212378941 / 319334400),
]
const BETA = [
  polynomial(1 / 2, -2 / 3, 37 / 96, -1 / 360, -81 / 512, 96199 / 604800),
  polynomial(0, 1 / 48, 1 / 15, -437 / 1440, 46 / 105, -1118711 / 3870720),
  polynomial(0, 0, 17 / 480, -37 / 840, -209 / 4480, 5569 / 90720),
  polynomial(0, 0, 0, 4397 / 161280, -11 / 504, -830251 / 7257600),
  polynomial(0, 0, 0, 0, 4583 / 161280, -108847 / 3991680),
  polynomial(0, 0, 0, 0, 0, 20648693 / 638668800),
]

const radians = (degrees: number) => (degrees * Math.PI) / 180
const degrees = (rad: number) => (rad * 180) / Math.PI

/** Longitude of a zone's central meridian, degrees. */
export const centralMeridian = (zone: number): number => zone * 6 - 183

/** EPSG code of WGS 84 / UTM: 326zz north, 327zz south. */
export const utmEpsg = (zone: number, isSouth: boolean): number => (isSouth ? 32700 : 32600) + zone

/** Any longitude to [-180, 180), degrees. One that is in there already stays exact: turning it would round it. */
export function normalizeLongitude(lon: number): number {
  if (lon >= -180 && lon < 180) return lon
  const turned = ((((lon + 180) % 360) + 360) % 360) - 180
  return turned === 180 ? -180 : turned
}

/**
 * UTM easting and northing in metres of a point; `lon`, `lat` in degrees, any longitude, |lat| < 90.
 * The northing counts from the equator without false northing, so it is negative in the south, unless `isSouth` asks for it.
 */
export function toUtm(lon: number, lat: number, zone: number, isSouth = false): readonly [number, number] {
  const lambda = radians(normalizeLongitude(lon - centralMeridian(zone)))
  const tau = Math.tan(radians(lat))
  const tauPrime = conformal(tau)
  const xi0 = Math.atan2(tauPrime, Math.cos(lambda))
  const eta0 = Math.asinh(Math.sin(lambda) / Math.hypot(tauPrime, Math.cos(lambda)))
  let xi = xi0
  let eta = eta0
  for (const [i, a] of ALPHA.entries()) {
    const k = 2 * (i + 1)
    xi += a * Math.sin(k * xi0) * Math.cosh(k * eta0)
    eta += a * Math.cos(k * xi0) * Math.sinh(k * eta0)
  }
  return [FALSE_EASTING_M + K0 * RADIUS_M * eta, K0 * RADIUS_M * xi + (isSouth ? FALSE_NORTHING_SOUTH_M : 0)]
}

/** Longitude in [-180, 180) and latitude, degrees, of a UTM point in metres; the inverse of `toUtm`. */
export function fromUtm(
  easting: number,
  northing: number,
  zone: number,
  isSouth = false,
): readonly [number, number] {
  const xi1 = (northing - (isSouth ? FALSE_NORTHING_SOUTH_M : 0)) / (K0 * RADIUS_M)
  const eta1 = (easting - FALSE_EASTING_M) / (K0 * RADIUS_M)
  let xi = xi1
  let eta = eta1
  for (const [i, b] of BETA.entries()) {
    const k = 2 * (i + 1)
    xi -= b * Math.sin(k * xi1) * Math.cosh(k * eta1)
    eta -= b * Math.cos(k * xi1) * Math.sinh(k * eta1)
  }
  const tauPrime = Math.sin(xi) / Math.hypot(Math.sinh(eta), Math.cos(xi))
  const lambda = Math.atan2(Math.sinh(eta), Math.cos(xi))
  return [
    normalizeLongitude(degrees(lambda) + centralMeridian(zone)),
    degrees(Math.atan(geographic(tauPrime))),
  ]
}

/** Karney's equations 7 to 9: tangent of the conformal latitude from that of the geographic one. */
function conformal(tau: number): number {
  const sigma = Math.sinh(E * Math.atanh((E * tau) / Math.hypot(1, tau)))
  return tau * Math.hypot(1, sigma) - sigma * Math.hypot(1, tau)
}

/** The inverse, by Newton's method (Karney's equations 19 to 21): two or three rounds reach the last bits. */
function geographic(tauPrime: number): number {
  let tau = tauPrime / (1 - E ** 2)
  for (let i = 0; i < 5; i++) {
    const guess = conformal(tau)
    const step =
      (((tauPrime - guess) / Math.hypot(1, guess)) * (1 + (1 - E ** 2) * tau ** 2)) /
      ((1 - E ** 2) * Math.hypot(1, tau))
    tau += step
    if (Math.abs(step) <= 1e-15 * Math.max(1, Math.abs(tau))) break
  }
  return tau
}
