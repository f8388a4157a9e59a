const RADIAN = Math.PI / 180
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** 2000-01-01T12:00Z, ms since 1970. */
const J2000_MS = 946_728_000_000

/** When satellites of a sun-synchronous orbit cross the equator southwards, hours of mean solar time, and the inclination of their orbit, degrees. */
interface Orbit {
  readonly hours: number
  readonly inclination: number
}

/** Sentinel-2: ESA's mission guide. Landsat-8 and -9: 10:11, 98.2 degrees (USGS). The same in `mean_solarzen.h` of NASA-IMPACT/hls-sentinel. */
const ORBITS: readonly Orbit[] = [
  { hours: 10.5, inclination: 98.62 },
  { hours: 10 + 11 / 60, inclination: 98.2 },
]

/**
 * Sun zenith without refraction, degrees, to about 0.02 degrees within two centuries of 2000.
 * Source: "Computing Approximate Solar Coordinates", US Naval Observatory (aa.usno.navy.mil/faq/sun_approx).
 * @param ms UTC, since 1970.
 */
export function sunZenithAt(ms: number, lon: number, lat: number): number {
  const d = (ms - J2000_MS) / DAY_MS
  const g = (357.529 + 0.98560028 * d) * RADIAN
  const q = 280.459 + 0.98564736 * d
  const l = (q + 1.915 * Math.sin(g) + 0.02 * Math.sin(2 * g)) * RADIAN
  const obliquity = (23.439 - 0.00000036 * d) * RADIAN
  const ascension = Math.atan2(Math.cos(obliquity) * Math.sin(l), Math.cos(l))
  const declination = Math.asin(Math.sin(obliquity) * Math.sin(l))
  const utcDeg = ((((ms % DAY_MS) + DAY_MS) % DAY_MS) / HOUR_MS) * 15
  // Mean solar time and the equation of time q - ascension, from noon, all in degrees.
  const hourAngle = (utcDeg - 180 + lon + q) * RADIAN - ascension
  const cosine =
    Math.sin(lat * RADIAN) * Math.sin(declination) +
    Math.cos(lat * RADIAN) * Math.cos(declination) * Math.cos(hourAngle)
  return Math.acos(Math.min(1, Math.max(-1, cosine))) / RADIAN
}

/**
 * Sun zenith that data of Sentinel-2 and Landsat are normalised to on a day, degrees: the mean of those at which the two pass over a place, each at its own mean solar time, which
 * depends on the latitude alone (Li et al. 2019, IEEE TGRS 57(6), 3591-3598, eq. 4). Null beyond the latitudes that the nadirs of both reach (81.4 degrees).
 * @param sensedAtMs UTC, since 1970: the pass nearest to it is taken.
 */
export function overpassSunZenith(sensedAtMs: number, lon: number, lat: number): number | null {
  let sum = 0
  for (const { hours, inclination } of ORBITS) {
    const sine = Math.tan(lat * RADIAN) / Math.tan(inclination * RADIAN)
    if (!(Math.abs(sine) <= 1)) return null
    const mean = hours - Math.asin(sine) / RADIAN / 15
    const midnight = Math.floor(sensedAtMs / DAY_MS) * DAY_MS
    const pass = midnight + (mean - lon / 15) * HOUR_MS
    sum += sunZenithAt(pass - DAY_MS * Math.round((pass - sensedAtMs) / DAY_MS), lon, lat)
  }
  return sum / ORBITS.length
}
