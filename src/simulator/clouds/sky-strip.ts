import type { Ground2d, GroundWindow } from '../landscape.js'
import { OffsetsOnRow, type Offsets, type ViewFrame } from '../view-frame.js'
import type { CloudDeck } from './cloud-decks.js'
import { cloudLayer } from './two-stream.js'

/** Steepest line of sight of the sensors, as a tangent; Sentinel-2 looks 12 degrees aside at most. */
const STEEPEST_VIEW = 0.25
/** Lowest ground that clouds are displaced from. */
const LOWEST_M = -100
/** Share of the light scattered down inside a cloud that reaches the ground below it; the rest leaves at its sides. */
const DIFFUSE_KEPT = 0.5

/** A deck on the nodes of one lattice (60 m, or the finest pixel where that is larger), bilinear between: the definition of the clouds. */
export class DeckWindow {
  private readonly values: Float32Array
  private readonly west: number
  private readonly north: number
  private readonly cols: number
  /** Nothing of the deck is in the window. */
  readonly isEmpty: boolean
  constructor(
    readonly deck: CloudDeck,
    private readonly step: number,
    box: { readonly west: number; readonly east: number; readonly south: number; readonly north: number },
  ) {
    this.west = Math.floor(box.west / step)
    this.north = Math.ceil(box.north / step)
    this.cols = Math.ceil(box.east / step) - this.west + 2
    const rows = this.north - Math.floor(box.south / step) + 2
    this.values = new Float32Array(this.cols * rows)
    let isEmpty = true
    for (let row = 0; row < rows; row++)
      for (let col = 0; col < this.cols; col++) {
        const tau = deck.tau((this.west + col) * step, (this.north - row) * step)
        if (tau > 0) isEmpty = false
        this.values[row * this.cols + col] = tau
      }
    this.isEmpty = isEmpty
  }

  at(x: number, y: number): number {
    const [a, b] = [x / this.step - this.west, this.north - y / this.step]
    const [c, r] = [Math.floor(a), Math.floor(b)]
    const [u, v] = [a - c, b - r]
    const k = r * this.cols + c
    const f = this.values
    return (
      ((f[k] ?? 0) * (1 - u) + (f[k + 1] ?? 0) * u) * (1 - v) +
      ((f[k + this.cols] ?? 0) * (1 - u) + (f[k + this.cols + 1] ?? 0) * u) * v
    )
  }
}

/** Clouds over a strip of ground: what the sensor may see through, and what is left of the direct sunlight on each fine pixel. */
export interface SkyStrip {
  readonly window: GroundWindow
  readonly views: readonly DeckWindow[]
  /** Transmitted share of the direct light, [fine pixels], unit 1. */
  readonly sunlit: Float32Array
  /** Thickness met by the light on its way to each fine pixel: the largest between base and top of each deck, summed over decks. */
  readonly shadeTau: Float32Array
  /** Where the thickest cloud on that way stands to the pixel, in metres east and north; what decides whether it lies in the image. */
  readonly shadeHeightM: Float32Array
}

/**
 * @param sun the sun over the image, whose upper-left corner is `left`, `top` in the coordinates of the window
 * Light passes a deck at levels from base to top, so close that their shadows lie no farther apart than the clouds are known, and at three at least; the ground sees the thickest of them.
 */
export function skyStrip(
  decks: readonly CloudDeck[],
  ground: Ground2d,
  window: GroundWindow,
  sun: { readonly offsets: Offsets; readonly frame: ViewFrame; readonly left: number; readonly top: number },
): SkyStrip {
  const { easting, northing, pixelM, width, height } = window
  const [east, south] = [easting + width * pixelM, northing - height * pixelM]
  const step = Math.max(60, pixelM)
  const views = decks.map((deck) => {
    const reach = (deck.topM - LOWEST_M) * STEEPEST_VIEW
    return new DeckWindow(deck, step, {
      west: easting - reach,
      east: east + reach,
      south: south - reach,
      north: northing + reach,
    })
  })
  const size = width * height
  const sunlit = new Float32Array(size).fill(1)
  const [shadeTau, shadeHeightM] = [new Float32Array(size), new Float32Array(size)]
  const onRow = (y: number) => new OffsetsOnRow(sun.offsets, sun.frame, sun.top - y)
  // The sun's offsets are nearly linear, so their extremes lie at corners; a little is added.
  const corners = [northing, south].flatMap((y) => [easting, east].map((x) => onRow(y).at(x - sun.left)))
  const best = new Float32Array(size)
  // Of the image's corner, so that every strip has the same levels.
  const apartM = step / Math.hypot(...new OffsetsOnRow(sun.offsets, sun.frame, 0).at(0))
  for (const deck of decks) {
    const heights = levelsOf(deck, apartM)
    const shifts = (axis: 0 | 1) => corners.flatMap((c) => [1.02 * c[axis] * (deck.topM - LOWEST_M), 0])
    const [xs, ys] = [shifts(0), shifts(1)]
    const lit = new DeckWindow(deck, step, {
      west: easting + Math.min(...xs),
      east: east + Math.max(...xs),
      south: south + Math.min(...ys),
      north: northing + Math.max(...ys),
    })
    if (lit.isEmpty) continue
    for (let row = 0; row < height; row++) {
      const y = northing - (row + 0.5) * pixelM
      const direction = onRow(y)
      for (let i = 0; i < width; i++) {
        const n = row * width + i
        const x = easting + (i + 0.5) * pixelM
        const [toEast, toNorth] = direction.at(x - sun.left)
        const altitude = ground.altitudeM[n] ?? 0
        let [tau, from] = [0, 0]
        for (const height of heights) {
          const up = Math.max(0, height - altitude)
          const t = lit.at(x + up * toEast, y + up * toNorth)
          if (t > tau) [tau, from] = [t, up]
        }
        if (tau === 0) continue
        shadeTau[n] = (shadeTau[n] ?? 0) + tau
        if (tau > (best[n] ?? 0)) {
          best[n] = tau
          shadeHeightM[n] = from
        }
        sunlit[n] =
          (sunlit[n] ?? 1) *
          transmittedBeam(deck, tau, 1 / Math.sqrt(1 + toEast * toEast + toNorth * toNorth))
      }
    }
  }
  return { window, views, sunlit, shadeTau, shadeHeightM }
}

/** Altitudes from base to top of a deck, at most `apartM` apart, three at least. A small cloud would else cast one shadow from each level, beside one another. */
function levelsOf({ baseM, topM }: CloudDeck, apartM: number): number[] {
  const steps = Math.max(2, Math.ceil((topM - baseM) / apartM))
  return Array.from({ length: steps + 1 }, (_, i) => baseM + ((topM - baseM) * i) / steps)
}

/** Share of the direct light that still arrives below a cloud: straight through, and part of what it scatters down. */
export function transmittedBeam(deck: Pick<CloudDeck, 'phase'>, tau: number, mu: number): number {
  const { transmitted, direct } = cloudLayer(deck.phase, 0.66, tau, mu)
  return direct + DIFFUSE_KEPT * (transmitted - direct)
}
