import type { S2Band } from '../../domain/sentinel2.js'
import type { BandAir } from '../atmosphere/evaluate-atmosphere.js'
import { directionalFactors } from './directional.js'
import type { EnvironmentField } from './environment.js'

/** Numbers on a node: share of the beam in the light that arrives below and in that which leaves upward, what the beam keeps, each at sea level and what 1800 m add; factors of direction for beam and sky. */
export const LIGHT_TERMS = 8
const HIGH_M = 1800

/** What one band has of the unknowns. */
export interface BandUnknowns {
  readonly band: S2Band
  /** Factor on the reflectance at the sensor. */
  readonly calibration: number
  /** How much the band shows of the scatter of the ground; see SHOWN. */
  readonly shown: readonly [blue: number, swir: number, date: number]
  readonly isDirectional: boolean
  /** Null: the ground around is as the pixel. */
  readonly environment: EnvironmentField | null
}

/** Fills the terms of one node; `low` and `high` are the air over sea level and over 1800 m. */
export function fillLightTerms(
  to: Float64Array,
  at: number,
  { band, isDirectional }: BandUnknowns,
  [low, high]: readonly [BandAir, BandAir],
  geometry: { readonly sza: number; readonly vza: number; readonly raa: number },
): void {
  const { sza, vza } = geometry
  const [down, up] = [low.beam(sza, 0), low.beam(vza, 0)]
  const [highDown, highUp] = [high.beam(sza, HIGH_M), high.beam(vza, HIGH_M)]
  const factors = isDirectional ? directionalFactors(band, geometry) : { beam: 1, sky: 1 }
  to.set(
    [
      ...[down.share, highDown.share - down.share, up.share, highUp.share - up.share],
      ...[down.straight, highDown.straight - down.straight, factors.beam, factors.sky],
    ],
    at,
  )
}

/** A pixel's place in light and ground; one object serves all pixels. Reflectance unit 1 as from above with the sun at 45 degrees. */
export interface LitPixel {
  reflectance: number
  strength: number
  /** Beam against that on level ground, share of the sky that is seen: 1 and 1 on level ground. */
  beam: number
  sky: number
  /** Share of the beam that clouds let through. */
  sunlit: number
  albedo: number
  /** Reflectance of the ground around; negative: as the pixel. */
  around: number
}

/** `level` and `seen` in 1/10000, whole: of level ground, and as lit; `ground`: to be multiplied with the gain. */
export interface LitSignal {
  level: number
  seen: number
  ground: number
}

/**
 * Light on a slope: the beam and the bright sky around the sun, which goes with it and is as much of the sky's light as the beam keeps (Hay and Davies 1980, Proc. First Canadian Solar Radiation Data Workshop, 59-72), the rest of the sky
 * alike from everywhere, and the ground that stands before the rest of the sky. What leaves upward goes straight, or comes from the ground around.
 * @param terms LIGHT_TERMS numbers at the pixel
 */
export function litSignal(terms: Float64Array, altitudeM: number, pixel: LitPixel, to: LitSignal): void {
  const term = (k: number) => terms[k] ?? 0
  const h = altitudeM / HIGH_M
  const down = term(0) + h * term(1)
  const up = term(2) + h * term(3)
  const aureole = (1 - down) * (term(4) + h * term(5))
  const { reflectance, strength, beam, sky, sunlit, albedo } = pixel
  to.level = Math.round(reflectance * (1 + strength * (term(6) - 1)) * 10_000)
  const byBeam = to.level / 10_000
  const bySky = reflectance * (1 + strength * (term(7) - 1))
  const isAlike = pixel.around < 0
  const around = isAlike ? byBeam : pixel.around
  const straight = (down + aureole) * beam
  const rest = (1 - down - aureole) * sky + around * (1 - sky)
  to.seen = Math.round(to.level * (straight + rest))
  const leaving = byBeam * straight * sunlit + bySky * rest
  to.ground = (isAlike ? leaving : up * leaving + (1 - up) * around) / (1 - albedo * around)
}
