/** Mean radius of the earth. */
export const EARTH_KM = 6371

/** A place seen from a track: kilometres to its east, kilometres along it from the descending node (southward positive), and where it heads there. */
export interface TrackPlace {
  readonly acrossKm: number
  readonly alongKm: number
  /** Clockwise from north. */
  readonly headingDegrees: number
}

/** The path of a circular orbit over the turning, spherical earth; `u` is the angle from the descending node along the orbit, radians. */
export class GroundTrack {
  constructor(
    private readonly orbit: {
      /** Longitude of the descending node. */
      readonly nodeDegrees: number
      /** Radians. */
      readonly inclination: number
      /** How far the earth turns under the orbit in one revolution. */
      readonly shiftDegrees: number
    },
  ) {}

  get nodeDegrees(): number {
    return this.orbit.nodeDegrees
  }

  /** Angle from the descending node along the orbit at a latitude. */
  argumentAt(lat: number): number {
    return Math.asin(Math.max(-1, Math.min(1, -Math.sin(radians(lat)) / Math.sin(this.orbit.inclination))))
  }

  /** Longitude gained from the node in the frame of the stars. */
  turnedDegrees(u: number): number {
    return degrees(Math.atan2(Math.cos(this.orbit.inclination) * Math.sin(u), Math.cos(u)))
  }

  at(u: number): { lon: number; lat: number } {
    const { nodeDegrees, inclination, shiftDegrees } = this.orbit
    const turned = this.turnedDegrees(u) - (shiftDegrees * u) / (2 * Math.PI)
    return { lon: nodeDegrees + turned, lat: degrees(Math.asin(-Math.sin(inclination) * Math.sin(u))) }
  }

  placeOf(lon: number, lat: number): TrackPlace {
    const ground = (u: number) => {
      const p = this.at(u)
      return { x: wrapDegrees(p.lon - lon) * Math.cos(radians((p.lat + lat) / 2)), y: p.lat - lat }
    }
    let [low, high] = [this.argumentAt(lat) - 0.06, this.argumentAt(lat) + 0.06]
    for (let i = 0; i < 60; i++) {
      const [a, b] = [low + (high - low) / 3, high - (high - low) / 3]
      const [p, q] = [ground(a), ground(b)]
      if (Math.hypot(p.x, p.y) < Math.hypot(q.x, q.y)) high = b
      else low = a
    }
    const u = (low + high) / 2
    const foot = ground(u)
    const [before, after] = [ground(u - 1e-4), ground(u + 1e-4)]
    return {
      acrossKm: radians(Math.hypot(foot.x, foot.y)) * EARTH_KM * (foot.x > 0 ? -1 : 1),
      alongKm: u * EARTH_KM,
      headingDegrees: (degrees(Math.atan2(after.x - before.x, after.y - before.y)) + 360) % 360,
    }
  }
}

export const wrapDegrees = (d: number): number => ((((d + 180) % 360) + 360) % 360) - 180
export const radians = (d: number): number => (d * Math.PI) / 180
export const degrees = (r: number): number => (r * 180) / Math.PI
