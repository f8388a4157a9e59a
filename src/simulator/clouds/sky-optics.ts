import { BandAir, type AirState, type BandOptics } from '../atmosphere/evaluate-atmosphere.js'
import type { ViewFrame } from '../view-frame.js'
import type { CloudDeck } from './cloud-decks.js'
import type { SkyStrip } from './sky-strip.js'
import { LayerTable } from './two-stream.js'

/** View offsets east and north per unit of height, cosine of the sun's zenith angle, direct share of the light on the ground. */
const FIXED = 4

/**
 * Clouds in one band: how they look from above and what they let through. With `above` the air over a deck (molecules and gases),
 * rho = path_above + gain_above (R + T X) and X = (rho_below - path_above) / gain_above; reflection between cloud and ground is left out.
 */
export class SkyOptics {
  private readonly fields = new Map<number, Float64Array>()
  private readonly tables: readonly LayerTable[]
  private readonly stride: number
  private readonly here: Float64Array
  private readonly slope: Float64Array

  constructor(
    private readonly decks: readonly CloudDeck[],
    private readonly frame: ViewFrame,
    private readonly bandIndex: number,
    private readonly optics: BandOptics,
    um: number,
    /** The image's reflectances are multiplied with the cosine of the sun's zenith angle. */
    private readonly bySun: boolean,
    airAt: (node: number) => AirState,
  ) {
    this.stride = FIXED + 2 * decks.length
    this.here = new Float64Array(this.stride)
    this.slope = new Float64Array(this.stride)
    const byPhase = { liquid: new LayerTable('liquid', um), ice: new LayerTable('ice', um) }
    this.tables = decks.map((deck) => byPhase[deck.phase])
    for (const detector of frame.detectors) this.fields.set(detector, this.fieldOf(detector, airAt))
  }

  private fieldOf(detector: number, airAt: (node: number) => AirState): Float64Array {
    const { sunZenith, sunAzimuth } = this.frame
    const size = this.frame.cols * this.frame.rows
    const field = new Float64Array(size * this.stride)
    const rad = Math.PI / 180
    for (let i = 0; i < size; i++) {
      const view = this.frame.view(i, detector, this.bandIndex)
      if (view === null) continue
      const air = airAt(i)
      const sza = sunZenith[i] ?? 0
      const turn = Math.abs((sunAzimuth[i] ?? 0) - view.azimuth)
      const place = { sza, vza: view.zenith, raa: turn > 180 ? 360 - turn : turn }
      const mu = Math.cos(sza * rad)
      const base = i * this.stride
      const far = Math.tan(view.zenith * rad)
      field[base] = far * Math.sin(view.azimuth * rad)
      field[base + 1] = far * Math.cos(view.azimuth * rad)
      field[base + 2] = mu
      field[base + 3] = new BandAir(air, this.optics).directShare({ ...place, altitudeM: 0 })
      this.decks.forEach((deck, d) => {
        const clean = new BandAir({ ...air, aot: 0, wv: air.wv * vapourFactor(deck.topM) }, this.optics)
        const { path, gain } = clean.at({ ...place, altitudeM: deck.topM })
        field[base + FIXED + 2 * d] = path * (this.bySun ? mu : 1)
        field[base + FIXED + 2 * d + 1] = gain * (this.bySun ? mu : 1)
      })
    }
    return field
  }

  /** Prepares `through` for a cell of nodes: `row`, `column` of its upper-left node, `v` 0..1 down from there. */
  enter(detector: number, row: number, column: number, v: number): void {
    const field = this.fields.get(detector)
    if (!field) return
    const down = this.frame.cols * this.stride
    const k = (row * this.frame.cols + column) * this.stride
    for (let c = 0; c < this.stride; c++) {
      const a = (field[k + c] ?? 0) * (1 - v) + (field[k + c + down] ?? 0) * v
      const next = k + this.stride + c
      this.here[c] = a
      this.slope[c] = (field[next] ?? 0) * (1 - v) + (field[next + down] ?? 0) * v - a
    }
  }

  private at(c: number, u: number): number {
    return (this.here[c] ?? 0) + u * (this.slope[c] ?? 0)
  }

  /** Factor on the light that comes from the ground, `u` 0..1 right of the cell's nodes, where this share of the direct light arrives. */
  shade(u: number, sunlit: number): number {
    return 1 - this.at(3, u) * (1 - sunlit)
  }

  /** Reflectance seen above all decks, from that without clouds, at a place in metres over ground of this altitude. */
  through(rho: number, u: number, x: number, y: number, altitudeM: number, sky: SkyStrip): number {
    const [toEast, toNorth] = [this.at(0, u), this.at(1, u)]
    let seen = rho
    for (let d = 0; d < this.decks.length; d++) {
      const [window, deck, table] = [sky.views[d], this.decks[d], this.tables[d]]
      if (!window || !deck || !table || window.isEmpty) continue
      const up = Math.max(0, deck.topM - altitudeM)
      const tau = window.at(x + up * toEast, y + up * toNorth)
      if (tau <= 0) continue
      const muView = 1 / Math.sqrt(1 + toEast * toEast + toNorth * toNorth)
      const [path, gain] = [this.at(FIXED + 2 * d, u), this.at(FIXED + 2 * d + 1, u)]
      const below = (seen - path) / gain
      seen = path + gain * (table.reflectedAt(tau, this.at(2, u)) + table.transmittedAt(tau, muView) * below)
    }
    return seen
  }
}

/**
 * What the vapour above a height absorbs, over what goes on as it does in the lowest kilometre: above 5 km vapour thins out faster (in the
 * mid-latitude summer profile about a thousandth of the column lies above 10 km). Without this cirrus would vanish from the band that was made to see it.
 */
export function vapourFactor(altitudeM: number): number {
  const km = altitudeM / 1000
  return Math.exp(-((Math.max(0, km - 5) / 3.8) ** 2))
}

/** Thickness of all decks, and of cirrus alone, on a line of sight. */
export function tauOnView(
  sky: SkyStrip,
  x: number,
  y: number,
  altitudeM: number,
  toEast: number,
  toNorth: number,
): { all: number; cirrus: number } {
  let [all, cirrus] = [0, 0]
  for (const window of sky.views) {
    if (window.isEmpty) continue
    const up = Math.max(0, window.deck.topM - altitudeM)
    const tau = window.at(x + up * toEast, y + up * toNorth)
    all += tau
    if (window.deck.name === 'cirrus') cirrus += tau
  }
  return { all, cirrus }
}
