/** A direction in degrees: zenith in [0, 180], azimuth clockwise from north in [0, 360). */
export interface Direction {
  readonly zenith: number
  readonly azimuth: number
}

const DEGREE = Math.PI / 180

/** Mean of directions: of unit vectors, so that azimuths of 359 and 1 meet at 0. NaN where there is none. */
export function meanDirection(directions: Iterable<Direction>): Direction {
  let [x, y, z] = [0, 0, 0]
  let count = 0
  for (const { zenith, azimuth } of directions) {
    const [t, p] = [zenith * DEGREE, azimuth * DEGREE]
    x += Math.sin(t) * Math.sin(p)
    y += Math.sin(t) * Math.cos(p)
    z += Math.cos(t)
    count++
  }
  if (count === 0) return { zenith: NaN, azimuth: NaN }
  const azimuth = Math.atan2(x, y) / DEGREE
  return { zenith: Math.atan2(Math.hypot(x, y), z) / DEGREE, azimuth: azimuth < 0 ? azimuth + 360 : azimuth }
}
