import { fractal, hash } from '../noise.js'
import type { Phase } from './two-stream.js'

/** Clouds of one height. Metres above the sea; `tau` is the optical thickness above a place (easting with its zone's offset, northing from the equator), grey. */
export interface CloudDeck {
  readonly name: 'cumulus' | 'altocumulus' | 'cirrus'
  readonly phase: Phase
  readonly baseM: number
  /** Where the sensor sees it. */
  readonly topM: number
  tau(x: number, y: number): number
}

export interface SkyOptions {
  readonly seed: number
  /** `yyyy-mm-dd`: every day has its own clouds. */
  readonly date: string
  /** Mean local time of the satellite's descending node: within a day the clouds drift with the wind. */
  readonly localHours: number
  /** Share of the sky under water clouds thicker than 0.3, 0..1. */
  readonly cover: number
  /** Share of the sky under cirrus thicker than 0.02, 0..1. */
  readonly cirrus: number
}

const OCTAVES = 5
/** Thickness = STRENGTH (excess / REACH)^1.5 where the noise exceeds its threshold: thin at the edges. */
const STRENGTH = 12
const REACH = 0.15
/** Cirrus grows in proportion: thin nearly everywhere. */
const CIRRUS_STRENGTH = 0.5
/** How far the noise must exceed its threshold for a thickness of 0.3, and of 0.02 in cirrus. */
const EDGE = REACH * (0.3 / STRENGTH) ** (2 / 3)
const CIRRUS_EDGE = 0.02 / CIRRUS_STRENGTH
/** Thickness levels off towards this. */
const THICKEST = 45

/** The clouds of a day: a pure function of options and place, the same in every tile of a zone and for every satellite. */
export function cloudDecks(options: SkyOptions): CloudDeck[] {
  const day = Math.round(Date.parse(options.date) / 86_400_000)
  const seed = hash(day, 5, options.seed) & 0x3fffffff
  const pick = (n: number) => hash(n, day, options.seed + 17) / 0xffffffff
  // 3 to 13 m/s from anywhere between south-west and north-west; high clouds are twice as fast.
  const speed = 3 + 10 * pick(1)
  const bearing = Math.PI * (0.25 + 0.5 * pick(2))
  const drift = (factor: number) => {
    const metres = speed * factor * 3600 * (options.localHours - 10.5)
    return [metres * Math.sin(bearing), metres * Math.cos(bearing)] as const
  }
  const decks: CloudDeck[] = []
  const water = (
    name: 'cumulus' | 'altocumulus',
    share: number,
    sizeM: number,
    baseM: number,
    topM: number,
    salt: number,
  ) => {
    const threshold = quantile(1 - share) - EDGE
    const [east, north] = drift(1)
    decks.push({
      name,
      phase: 'liquid',
      baseM,
      topM,
      tau: (x, y) => {
        const excess = fractal((x - east) / sizeM, (y - north) / sizeM, seed + salt, OCTAVES) - threshold
        if (excess <= 0) return 0
        const tau = STRENGTH * (excess / REACH) ** 1.5
        return THICKEST * (1 - Math.exp(-tau / THICKEST))
      },
    })
  }
  if (options.cover > 0) {
    // Two independent decks leave the wanted share of clear sky between them.
    const clear = 1 - Math.min(0.999, options.cover)
    const base = 700 + 1300 * pick(3)
    water('cumulus', 1 - clear ** 0.7, 4000 + 5000 * pick(4), base, base + 400 + 700 * pick(5), 0)
    const middle = 3200 + 2200 * pick(6)
    water('altocumulus', 1 - clear ** 0.3, 9000 + 8000 * pick(7), middle, middle + 250, 400)
  }
  if (options.cirrus > 0) {
    const threshold = quantile(1 - Math.min(0.999, options.cirrus)) - CIRRUS_EDGE
    const turn = Math.PI * pick(8)
    const [c, s] = [Math.cos(turn), Math.sin(turn)]
    const [east, north] = drift(2)
    const base = 8000 + 2500 * pick(9)
    decks.push({
      name: 'cirrus',
      phase: 'ice',
      baseM: base,
      topM: base + 500,
      tau: (x, y) => {
        const along = ((x - east) * c + (y - north) * s) / 30_000
        const across = ((y - north) * c - (x - east) * s) / 8000
        const excess = fractal(along, across, seed + 800, OCTAVES) - threshold
        return excess <= 0 ? 0 : CIRRUS_STRENGTH * excess
      },
    })
  }
  return decks
}

let sorted: Float64Array | null = null
/** Value that a share of the noise lies below; the noise has one distribution for all seeds. */
function quantile(share: number): number {
  if (sorted === null) {
    const values = new Float64Array(40_000)
    for (let i = 0; i < values.length; i++)
      values[i] = fractal((i % 200) * 1.37, Math.floor(i / 200) * 1.37, 4711, OCTAVES)
    sorted = values.sort()
  }
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.floor(share * sorted.length)))] ?? 0
}
