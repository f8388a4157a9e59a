import { numberWithin } from './options.js'
import { fractal, hash } from './noise.js'
import { GROUND } from './spectra.js'

/** Snow by altitude: `none`, `season` (a line that falls in winter), or the line in metres. */
export type SnowOption = 'none' | 'season' | number

/** Metres over which bare ground turns into full cover, and by which the line wanders from place to place. */
const FADE_M = 220
const WANDER_M = 160
/** Share of snow that shows under crowns and between houses; water stays open. */
const SHOWN = GROUND.map(
  (kind) =>
    ({
      river: 0,
      lake: 0,
      'broadleaf forest': 0.6,
      'conifer forest': 0.3,
      settlement: 0.5,
      road: 0.4,
    })[kind as string] ?? 1,
)

/** Snow on a day: a pure function of seed, day and place. */
export class SnowCover {
  private readonly salt: number
  constructor(
    /** Metres above the sea where half of open ground is white. */
    readonly lineM: number,
    seed: number,
    date: string,
  ) {
    this.salt = hash(Math.round(Date.parse(date) / 86_400_000), 13, seed) & 0x3fffffff
  }

  /** Share of the ground that snow hides, 0..255, at a place of this altitude and kind. */
  shareAt(x: number, y: number, altitudeM: number, kind: number): number {
    const over = altitudeM - this.lineM
    if (over < -FADE_M - WANDER_M) return 0
    const wander = WANDER_M * fractal(x / 2500, y / 2500, this.salt, 3)
    const t = Math.max(0, Math.min(1, (over + wander) / (2 * FADE_M) + 0.5))
    return Math.round(255 * t * t * (3 - 2 * t) * (SHOWN[kind] ?? 1))
  }
}

/**
 * The snow line of a day, or null without snow. By season: 3000 m in late summer and 900 m in late winter at 45 degrees, 75 m lower for each degree towards
 * the pole, some 200 m up or down from day to day; invented, of the size that the Alps have.
 */
export function snowCover(
  option: SnowOption,
  seed: number,
  date: string,
  dayOfYear: number,
  lat: number,
): SnowCover | null {
  if (option === 'none') return null
  if (option !== 'season') return new SnowCover(numberWithin('snow line', option, -500, 9000), seed, date)
  const day = lat < 0 ? dayOfYear + 182 : dayOfYear
  const winter = Math.cos((2 * Math.PI * (day - 45)) / 365)
  const chance = 200 * ((hash(Math.round(Date.parse(date) / 86_400_000), 14, seed) / 0xffffffff) * 2 - 1)
  return new SnowCover(1950 - 1050 * winter - 75 * (Math.abs(lat) - 45) + chance, seed, date)
}
