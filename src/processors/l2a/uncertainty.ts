import type { BandNoise, L1Scene } from '../../domain/l1-scene.js'
import { LIGHT_TERMS } from '../../kernels/level-sigma.js'
import { NO_SLOT, TERMS_WITH_LEGS, type BandTable } from './band-table.js'
import { cosineAt } from './cell-angles.js'
import { neededNodes, type AtmosphereNodes, type PlanesInput } from './coefficient-planes.js'
import { lagrangeOf, newLagrange } from './interpolate.js'
import { SCALE_HEIGHT_M } from './nodes.js'
import { MODEL_AOT } from './aot-cost.js'
import { altitudeAtPressure } from './pressure.js'
import { directionAt } from './sun-direction.js'

/** Coefficients of a variance: a polynomial of the fourth degree in the surface reflectance. */
export const VARIANCE_TERMS = 5

/** The tables end there. */
const MOST_AOT = MODEL_AOT.at(-1) ?? 2

/** Share of the light from beside that is wrong after it was taken off: of a lake in fields MAJA's kernel leaves a half, that of 6S a tenth (docs/decisions/0022-ground-around-a-pixel.md); nobody knows the right one. */
export const ADJACENCY_LEFT = 0.3

/** Variance of one band's surface reflectance on nodes, by detector, bilinear between them. */
export interface VariancePlanes {
  readonly slots: Uint8Array
  readonly slotCount: number
  /** Node (0, 0), metres of the product's CRS. */
  readonly ulx: number
  readonly uly: number
  readonly stepXM: number
  readonly stepYM: number
  readonly nx: number
  readonly ny: number
  /** [slot][ny][nx][VARIANCE_TERMS], unit 1, powers of the reflectance from 0 up; 0 where the slot's detector saw nothing. */
  readonly data: Float32Array
  /** [slot][ny][nx][LIGHT_TERMS], for what errors of slopes come to; null where slopes do not count. */
  readonly light: Float32Array | null
}

export interface VarianceInput extends Pick<PlanesInput, 'cells' | 'detectors'> {
  readonly nodes: AtmosphereNodes
  /** Standard deviations, by node; of AOT where the nodes state it. */
  readonly sigmaAot: Float32Array
  readonly sigmaWv: Float32Array
  /** At the ground of each node, hPa. */
  readonly pressureHpa: Float32Array
  /** With legs. Its axes reach one standard deviation beyond the nodes' values. */
  readonly table: BandTable
  /** Aerosols that may be there as well, how likely each is, and its AOT over that of the nodes. */
  readonly others: readonly {
    readonly table: BandTable
    readonly aotRatio: number
    readonly weight: number
  }[]
  readonly noise: BandNoise
  readonly sun: L1Scene['sun']
  /** Reflectance around each node; null: not known, and left out. */
  readonly around: Float32Array | null
  /** Whether light from beside was taken off. */
  readonly isAdjacencyCorrected: boolean
  /** Of the product's grid, degrees; null where slopes do not count. */
  readonly slopedBy: { readonly convergenceDeg: number } | null
}

/** Path, logarithm of the transmittance, spherical albedo, total over direct transmittance to the sensor, direct share of the light on the ground. */
type State = Float64Array

/**
 * Variance of surface reflectance by linear propagation, y = (rho_toa - p) exp(-l), rho = y / (1 + S y): an error (dp, dl, dS) of the atmosphere moves rho by
 *   -dl rho (1 - S rho) - dp exp(-l) (1 - S rho)^2 - dS rho^2,
 * a parabola in rho; its square has the fourth degree, and so has the variance of noise, (constant / mu^2 + slope rho_toa / mu) exp(-2 l) (1 - S rho)^4 with rho_toa = p + exp(l) rho / (1 - S rho). What is known of a pixel's
 * uncertainty is thus five numbers that change as slowly as the coefficients, and its reflectance. Errors are those of AOT and vapour (half of the difference between one
 * standard deviation above and below), of the aerosol (root of the mean square over those that may be there), noise, and light from beside, (u - 1) (rho - e). They are taken as independent.
 */
export function buildVariancePlanes(input: VarianceInput): VariancePlanes {
  const { nodes, sun, noise, around, slopedBy } = input
  const { grid, aot, wv } = nodes
  const [nx, ny] = [Math.max(2, grid.width), Math.max(2, grid.height)]
  const needed = [...neededNodes(input, nx, ny)]
  const slots = new Uint8Array(256).fill(NO_SLOT)
  const slotCount = Math.max(1, needed.length)
  const data = new Float32Array(slotCount * ny * nx * VARIANCE_TERMS)
  const light = slopedBy && new Float32Array(slotCount * ny * nx * LIGHT_TERMS)
  const [at, low, high] = Array.from({ length: 3 }, () => new Float64Array(TERMS_WITH_LEGS)) as [
    State,
    State,
    State,
  ]
  const sum = new Float64Array(VARIANCE_TERMS)
  const stateOf = reader(input.table)
  const others = input.others.map(({ table, aotRatio, weight }) => ({
    ...{ stateOf: reader(table), aotRatio },
    share: Math.sqrt(weight),
  }))
  for (const [slot, [detector, isNeeded]] of needed.entries()) {
    slots[detector] = slot
    for (let node = 0; node < nx * ny; node++) {
      if (isNeeded[node] === 0) continue
      const [c, r] = [node % nx, Math.floor(node / nx)]
      // An image of one node has two of it, because the kernel interpolates between two.
      const from = Math.min(r, grid.height - 1) * grid.width + Math.min(c, grid.width - 1)
      const x = grid.ulx + (c + 0.5) * grid.pixelWidthM
      const y = grid.uly - (r + 0.5) * grid.pixelHeightM
      const hpa = input.pressureHpa[from]!
      const look = { detector, x, y, hpa }
      const thinner = nodes.aotIs === 'ground' ? 1 : Math.exp(-altitudeAtPressure(hpa) / SCALE_HEIGHT_M)
      const tau = aot[from]! * thinner
      const vapour = wv[from]!
      sum.fill(0)
      stateOf(look, tau, vapour, at)
      // Where the air is nearly clean there is no thinner one: the slope is that above it.
      const ofAot = aboutOf(tau, input.sigmaAot[from]! * thinner, MOST_AOT)
      stateOf(look, ofAot.low, vapour, low)
      stateOf(look, ofAot.high, vapour, high)
      addSquare(sum, at, low, high, ofAot.share)
      const ofWv = aboutOf(vapour, input.sigmaWv[from]!, Infinity)
      stateOf(look, tau, ofWv.low, low)
      stateOf(look, tau, ofWv.high, high)
      addSquare(sum, at, low, high, ofWv.share)
      for (const other of others) {
        other.stateOf(look, tau * other.aotRatio, vapour, high)
        addSquare(sum, at, at, high, other.share)
      }
      addNoise(sum, at, noise, cosineAt(sun, x, y))
      if (around !== null) {
        const left = (at[3]! - 1) * (input.isAdjacencyCorrected ? ADJACENCY_LEFT : 1)
        addParabola(sum, -left * around[from]!, left, 0)
      }
      data.set(sum, (slot * nx * ny + node) * VARIANCE_TERMS)
      if (light === null || slopedBy === null) continue
      const sensor = input.table.anglesOf(input.table.slotOf[detector]!)
      const [toSun, toSensor] = [sun, sensor].map((to) => directionAt(to, x, y, slopedBy.convergenceDeg))
      const directions = [toSun!.east, toSun!.north, toSensor!.east, toSensor!.north]
      light.set([at[4]!, ...directions], (slot * nx * ny + node) * LIGHT_TERMS)
    }
  }
  return {
    ...{ slots, slotCount, nx, ny, data, light },
    ulx: grid.ulx + grid.pixelWidthM / 2,
    uly: grid.uly - grid.pixelHeightM / 2,
    ...{ stepXM: grid.pixelWidthM, stepYM: grid.pixelHeightM },
  }
}

/** One standard deviation below and above a value that is not negative, cut at its range, and the share of the difference there that is one standard deviation. */
function aboutOf(value: number, sigma: number, most: number) {
  const [low, high] = [Math.max(0, value - sigma), Math.min(most, value + sigma)]
  return { low, high, share: high > low ? sigma / (high - low) : 0 }
}

interface Look {
  readonly detector: number
  readonly x: number
  readonly y: number
  readonly hpa: number
}

/** Reads a table at a place, AOT (above the ground) and vapour into a state. */
function reader(table: BandTable): (look: Look, aot: number, wv: number, to: State) => void {
  const column = new Float64Array(table.columnSize)
  const weights = newLagrange()
  const { terms } = table
  return ({ detector, x, y, hpa }, aot, wv, to) => {
    lagrangeOf(table.axes.aot, aot, weights)
    table.column(table.slotOf[detector]!, x, y, hpa, wv, column, weights)
    to.fill(0)
    for (let i = 0; i < weights.count; i++) {
      const from = (weights.first + i) * table.terms
      for (let k = 0; k < terms; k++) to[k]! += weights.weights[i]! * column[from + k]!
    }
  }
}

/** Adds the square of `share` times what rho changes by from one state to another, about a third. */
function addSquare(sum: Float64Array, about: State, low: State, high: State, share: number): void {
  const [l, s] = [about[1]!, about[2]!]
  const dp = share * (high[0]! - low[0]!) * Math.exp(-l)
  const dl = share * (high[1]! - low[1]!)
  const ds = share * (high[2]! - low[2]!)
  addParabola(sum, -dp, -dl + 2 * s * dp, dl * s - dp * s * s - ds)
}

/** Adds (q0 + q1 rho + q2 rho^2)^2. */
function addParabola(sum: Float64Array, q0: number, q1: number, q2: number): void {
  sum[0]! += q0 * q0
  sum[1]! += 2 * q0 * q1
  sum[2]! += q1 * q1 + 2 * q0 * q2
  sum[3]! += 2 * q1 * q2
  sum[4]! += q2 * q2
}

/** Adds ((constant / mu^2 + slope p / mu) g^2 (1 - S rho)^4 + slope / mu g rho (1 - S rho)^3), g = exp(-l). */
function addNoise(sum: Float64Array, [p, l, s]: State, { constant, slope }: BandNoise, mu: number): void {
  const gain = Math.exp(-l!)
  const still = gain * gain * Math.max(0, constant / (mu * mu) + (slope * p!) / mu)
  const light = (gain * slope) / mu
  const [a, b, c] = [-s!, s! * s!, -(s! ** 3)]
  sum[0]! += still
  sum[1]! += 4 * a * still + light
  sum[2]! += 6 * b * still + 3 * a * light
  sum[3]! += 4 * c * still + 3 * b * light
  sum[4]! += s! ** 4 * still + c * light
}
