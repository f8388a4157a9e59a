const DEGREE = Math.PI / 180
const INCLINATION = 98.2 * DEGREE
/** Mean radius of the Earth and height of the orbit above it, km. */
const EARTH_KM = 6371
const ORBIT_KM = 705
/** Speed of the point below the satellite on a sphere that does not turn: 233 revolutions in 16 days, km/s. */
const GROUND_KM_S = (2 * Math.PI * EARTH_KM * 233) / (16 * 86400)
const TURN_PER_S = (2 * Math.PI) / 86164.1

/**
 * Unit vector (east, north) along the ground track, pointing to where the satellite came from on a descending (day) pass; `latDeg`
 * within 81.8 degrees of the equator. Source: Landsat 8 Data Users Handbook, LSDS-1574, orbit of 98.2 degrees and 705 km.
 */
export function trackDirection(latDeg: number): readonly [east: number, north: number] {
  const cosLat = Math.cos(latDeg * DEGREE)
  const heading = Math.asin(Math.max(-1, Math.min(1, Math.cos(INCLINATION) / cosLat)))
  const east = -GROUND_KM_S * Math.sin(heading) + TURN_PER_S * EARTH_KM * cosLat
  const north = GROUND_KM_S * Math.cos(heading)
  const length = Math.hypot(east, north)
  return [east / length, north / length]
}

/**
 * Direction to the satellite from ground that lies `acrossKm` to the east of the track (negative: west), perpendicular to it:
 * horizontal components (east, north) of the tangent of the view zenith.
 */
export function viewAcross(
  acrossKm: number,
  [trackEast, trackNorth]: readonly [number, number],
): readonly [number, number] {
  const angle = acrossKm / EARTH_KM
  const atSatellite = Math.atan2(EARTH_KM * Math.sin(angle), EARTH_KM + ORBIT_KM - EARTH_KM * Math.cos(angle))
  const tangent = Math.tan(atSatellite + angle)
  // East of the track the satellite stands to the west.
  return [-tangent * trackNorth, tangent * trackEast]
}
