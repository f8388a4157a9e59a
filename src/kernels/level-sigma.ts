import type { Window } from '../domain/grid.js'
import type { TerrainGrid } from './correct-reflectance.js'
import { SLOPE_SCALE } from './ground.js'
import { placesOf } from './scale-by-nodes.js'
import type { VarianceNodes } from './sigma-by-nodes.js'

/** Direct share of the light on the ground; toward the sun, then the sensor, tangent of the zenith angle times sine and cosine of the azimuth from the grid's north. */
export const LIGHT_TERMS = 5

/** Slopes, and how far off they may be. */
export interface UnsureTerrain extends TerrainGrid {
  /** [rows][columns]: entry of `variances`. */
  readonly smoothness: Uint8Array
  /** [256]: variance of each component of a slope, unit 1. */
  readonly variances: Float64Array
}

export interface LevelSigmaArgs {
  /** Reflectance / 1e-4 as seen, of level ground, and the standard deviation of the first; row-major, window.width x window.height, as `detector` and `out`. */
  readonly pixels: Int16Array
  readonly level: Int16Array
  readonly sigma: Int16Array
  readonly detector: Uint8Array
  /** Where the block lies in its image. */
  readonly window: Window
  readonly noData: number
  readonly terrain: UnsureTerrain
  /** Where `light` stands. */
  readonly nodes: Pick<VarianceNodes, 'slots' | 'slotCount' | 'rows' | 'columns' | 'axes'>
  /** [slot][rows][columns][LIGHT_TERMS]. */
  readonly light: Float32Array
  /** Standard deviation of `level` / 1e-4, halves away from zero, in [1, 32767]; no-data where `level` is, or the detector has no slot. */
  readonly out: Int16Array
}

const UNIT = 1e-4
/** As the kernel that makes `level`: cosines below are taken as these. */
const [LEAST_COS_SUN, LEAST_COS_VIEW] = [0.2, 0.1]

/**
 * Standard deviation of what level ground would reflect, fre = rho F / L with L = d cos i / cos theta_s + (1 - d) (1 + cos s) / 2 + rho (1 - cos s) / 2 (native/kernels/correct.hpp; F is 1, or (cos i + cos e) / (cos theta_s + cos theta_v) for a canopy). The errors
 * of `rho` and of the slope are independent: variance = (sigma F / L)^2 + fre^2 V ((dln(F / L)/dp)^2 + (dln(F / L)/dq)^2), p = dz/dx, q = dz/dy, V the variance of each. With c = cos s = (1 + p^2 + q^2)^-1/2 and (sx, sy) toward the sun,
 *   cos i = cos theta_s c (1 - p sx - q sy), dcos i/dp = -cos theta_s (sx c + (1 - p sx - q sy) p c^3), dc/dp = -p c^3,
 *   dL/dp = d dcos i/dp / cos theta_s + ((1 - d) - rho) / 2 dc/dp,
 * and q likewise. Where the sun grazes, cos i in L is its least value as in the kernel, but its derivative is that of the slope: what is known there is little. What lies in the shadow of other ground has fre = rho and the sigma of that.
 * A pixel's result does not depend on the block that it is part of. In TypeScript, as `sigmaByNodes`.
 */
export function levelSigma(args: LevelSigmaArgs): void {
  const { pixels, level, sigma, detector, window, noData, terrain, nodes, light, out } = args
  const { slots, slotCount, rows, columns, axes } = nodes
  const across = placesOf(window.x, window.width, axes.x0, axes.dx, columns)
  const down = placesOf(window.y, window.height, axes.y0, axes.dy, rows)
  const slopesAcross = placesOf(window.x, window.width, terrain.axes.x0, terrain.axes.dx, terrain.columns)
  const slopesDown = placesOf(window.y, window.height, terrain.axes.y0, terrain.axes.dy, terrain.rows)
  const { east, north, hidden, smoothness, variances } = terrain
  const isCanopy = terrain.canopy === 1
  const perRow = columns * LIGHT_TERMS
  const edges = new Float64Array(slotCount * perRow)
  const madeFor = new Int32Array(slotCount).fill(-1)
  for (let y = 0, i = 0; y < window.height; y++) {
    const [row, below] = [down.index[y]!, down.share[y]!]
    const upper = slopesDown.index[y]! * terrain.columns
    const lower = upper + terrain.columns
    const south = slopesDown.share[y]!
    const nearRow = south < 0.5 ? upper : lower
    for (let x = 0; x < window.width; x++, i++) {
      const slot = slots[detector[i]!]!
      if (level[i] === noData || sigma[i] === noData || slot >= slotCount) {
        out[i] = noData
        continue
      }
      const at = slopesAcross.index[x]!
      const right = slopesAcross.share[x]!
      const near = nearRow + at + (right < 0.5 ? 0 : 1)
      if (hidden[near] !== 0) {
        out[i] = sigma[i]!
        continue
      }
      if (madeFor[slot] !== y) {
        madeFor[slot] = y
        const from = (slot * rows + row) * perRow
        for (let k = 0; k < perRow; k++)
          edges[slot * perRow + k] = light[from + k]! + below * (light[from + perRow + k]! - light[from + k]!)
      }
      const left = slot * perRow + across.index[x]! * LIGHT_TERMS
      const share = across.share[x]!
      const direct = edges[left]! + share * (edges[left + LIGHT_TERMS]! - edges[left]!)
      const sx = edges[left + 1]! + share * (edges[left + LIGHT_TERMS + 1]! - edges[left + 1]!)
      const sy = edges[left + 2]! + share * (edges[left + LIGHT_TERMS + 2]! - edges[left + 2]!)
      const p = between(east, upper + at, lower + at, right, south)
      const q = between(north, upper + at, lower + at, right, south)
      const c = 1 / Math.sqrt(1 + p * p + q * q)
      const cubed = c * c * c
      const cosSun = 1 / Math.sqrt(1 + sx * sx + sy * sy)
      const facing = 1 - p * sx - q * sy
      const cosI = Math.max(LEAST_COS_SUN, cosSun * c * facing)
      const rho = pixels[i]! * UNIT
      const lit = (direct * cosI) / cosSun + ((1 - direct) * (1 + c)) / 2 + (rho * (1 - c)) / 2
      const bySky = (1 - direct - rho) / 2
      // Of cos i / cos theta_s.
      const [iP, iQ] = [-(sx * c + facing * p * cubed), -(sy * c + facing * q * cubed)]
      let gain = 1 / lit
      let byP = -(direct * iP - bySky * p * cubed) / lit
      let byQ = -(direct * iQ - bySky * q * cubed) / lit
      if (isCanopy) {
        const vx = edges[left + 3]! + share * (edges[left + LIGHT_TERMS + 3]! - edges[left + 3]!)
        const vy = edges[left + 4]! + share * (edges[left + LIGHT_TERMS + 4]! - edges[left + 4]!)
        const cosView = 1 / Math.sqrt(1 + vx * vx + vy * vy)
        const seen = 1 - p * vx - q * vy
        const both = cosI + Math.max(LEAST_COS_VIEW, cosView * c * seen)
        gain *= both / (cosSun + cosView)
        byP += (cosSun * iP - cosView * (vx * c + seen * p * cubed)) / both
        byQ += (cosSun * iQ - cosView * (vy * c + seen * q * cubed)) / both
      }
      const ofSlope = level[i]! * level[i]! * variances[smoothness[near]!]! * (byP * byP + byQ * byQ)
      const value = Math.sqrt((sigma[i]! * gain) ** 2 + ofSlope)
      out[i] = Math.min(32767, Math.max(1, Math.floor(value + 0.5)))
    }
  }
}

/** Bilinear between four stored slopes, unit 1. */
function between(stored: Int16Array, upper: number, lower: number, right: number, south: number): number {
  const above = stored[upper]! + right * (stored[upper + 1]! - stored[upper]!)
  const under = stored[lower]! + right * (stored[lower + 1]! - stored[lower]!)
  return (above + south * (under - above)) / SLOPE_SCALE
}
