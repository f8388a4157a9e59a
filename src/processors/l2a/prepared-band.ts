import type { AerosolPart } from '../../domain/aerosol-mix.js'
import type { SpectralResponse } from '../../domain/l1-scene.js'
import { bandSamples, type BandSample } from './band-integration.js'
import { newCubic, lagrange4 } from './interpolate.js'
import type { AtmosphereTable } from './rt-table.js'

/** Scattering of one band and aerosol: the table integrated over the band, laid out so that a look needs few multiplications. */
export interface PreparedBand {
  readonly table: AtmosphereTable
  /** Numbers of one direction: amplitudes of the orders, then single scattering by air and by aerosol, both to be multiplied by P / (4 mu_sun mu_view). */
  readonly perDirection: number
  /** [pressure][aot][sun][view][perDirection]. */
  readonly path: Float64Array
  /** [pressure][aot][sun], one leg. */
  readonly transmittance: Float64Array
  /** [pressure][aot]. */
  readonly sphericalAlbedo: Float64Array
  /** At 1013.25 hPa. */
  readonly tauRayleigh: number
  /** Optical depth relative to that at 550 nm. */
  readonly extinction: number
  /** Phase function of the aerosol every PHASE_STEP_DEG of scattering angle from 0 to 180. */
  readonly phase: Float64Array
}

export const PHASE_STEP_DEG = 0.25
const RADIAN = Math.PI / 180

/**
 * Mean over the band of a positive quantity that is straight in log-log between wavelengths (as 6S interpolates). @param at value at a wavelength node.
 */
function bandMean(samples: readonly BandSample[], at: (node: number) => number): number {
  let sum = 0
  for (const { node, fraction, weight } of samples) {
    const low = at(node)
    const high = at(node + 1)
    // Nothing at all scatters, or the aerosol is absent: no logarithm.
    const value =
      low > 0 && high > 0 ? low * Math.exp(fraction * Math.log(high / low)) : low + fraction * (high - low)
    sum += weight * value
  }
  return sum
}

/** What one model has in a band, whatever its share in a mix. */
export interface BandPart {
  readonly table: AtmosphereTable
  readonly perDirection: number
  /** As in `PreparedBand`. */
  readonly path: Float64Array
  /** Logarithms of those in `PreparedBand`. */
  readonly logTransmittance: Float64Array
  readonly sphericalAlbedo: Float64Array
  readonly tauRayleigh: number
  /** Optical depth relative to that at 550 nm, and what of it is scattering. */
  readonly extinction: number
  readonly scattering: number
  readonly phase: Float64Array
}

/** Integrates the table over a band for one model: ten milliseconds. */
export function prepareBand(
  table: AtmosphereTable,
  response: SpectralResponse,
  model: AerosolPart['model'],
): BandPart {
  const { header } = table
  const samples = bandSamples(response, header.wavelengths_um)
  const states = header.pressure_ratio.length * header.aot.length
  const suns = header.sun_zenith_deg.length
  const views = header.view_zenith_deg.length
  const perDirection = header.orders + 2
  const optics = header.models.find((m) => m.model === model)
  const ext = (node: number): number => optics?.extinction[node] ?? NaN
  const albedo = (node: number): number => optics?.albedo[node] ?? NaN
  const part = {
    ...{ table, perDirection },
    path: new Float64Array(states * suns * views * perDirection),
    logTransmittance: new Float64Array(states * suns),
    sphericalAlbedo: new Float64Array(states),
    tauRayleigh: bandMean(samples, (node) => header.tau_rayleigh[node] ?? NaN),
    extinction: bandMean(samples, ext),
    scattering: bandMean(samples, (node) => ext(node) * albedo(node)),
    phase: phaseOf(table, samples, model),
  }
  setStates(part, table, samples, model, ext)
  return part
}

/**
 * A mix of aerosols from its models, weights of which add up to 1. Light scattered more than once and the spherical albedo mix by the weights of the parts,
 * transmittances by their logarithms; single scattering has the mixed phase function (Wang and Gordon 1994, Appl. Opt. 33, 7088, for the first).
 */
export function mixBand(mix: readonly { readonly part: BandPart; readonly weight: number }[]): PreparedBand {
  const first = mix[0]?.part
  if (first === undefined) throw new Error('a mix of nothing')
  const sumOf = (of: (part: BandPart) => number): number =>
    mix.reduce((sum, { part, weight }) => sum + weight * of(part), 0)
  const blend = (of: (part: BandPart) => Float64Array): Float64Array => {
    const out = new Float64Array(of(first).length)
    for (const { part, weight } of mix) {
      const values = of(part)
      for (let i = 0; i < out.length; i++) out[i]! += weight * values[i]!
    }
    return out
  }
  const phase = new Float64Array(first.phase.length)
  for (const { part, weight } of mix) {
    const share = weight * part.scattering
    for (let i = 0; i < phase.length; i++) phase[i]! += share * part.phase[i]!
  }
  const scattering = sumOf((part) => part.scattering)
  return {
    ...{ table: first.table, perDirection: first.perDirection, tauRayleigh: first.tauRayleigh },
    path: mix.length === 1 ? first.path : blend((part) => part.path),
    transmittance: blend((part) => part.logTransmittance).map((log) => Math.exp(log)),
    sphericalAlbedo: blend((part) => part.sphericalAlbedo),
    extinction: sumOf((part) => part.extinction),
    phase: phase.map((value) => value / scattering),
  }
}

/** The band's phase function every PHASE_STEP_DEG, interpolated by cubics over the scattering angle; even about 0 and 180 degrees. */
function phaseOf(
  table: AtmosphereTable,
  samples: readonly BandSample[],
  model: AerosolPart['model'],
): Float64Array {
  const cosines = table.header.phase_cosines
  const used = [...new Set(samples.flatMap(({ node }) => [node, node + 1]))]
  const phases = new Map(used.map((node) => [node, table.phase(model, node)]))
  const byAngle = cosines
    .map((cosine, i) => ({
      angle: Math.acos(cosine) / RADIAN,
      value: bandMean(samples, (node) => phases.get(node)?.[i] ?? NaN),
    }))
    .reverse()
  const mirrored = [
    ...byAngle
      .slice(0, 3)
      .map(({ angle, value }) => ({ angle: -angle, value }))
      .reverse(),
    ...byAngle,
    ...byAngle
      .slice(-3)
      .map(({ angle, value }) => ({ angle: 360 - angle, value }))
      .reverse(),
  ]
  const angles = Float64Array.from(mirrored, ({ angle }) => angle)
  const cubic = newCubic()
  const out = new Float64Array(180 / PHASE_STEP_DEG + 1)
  for (let i = 0; i < out.length; i++) {
    lagrange4(angles, i * PHASE_STEP_DEG, cubic)
    let value = 0
    for (let k = 0; k < 4; k++) value += (cubic.weights[k] ?? 0) * (mirrored[cubic.first + k]?.value ?? NaN)
    out[i] = value
  }
  return out
}

type States = Pick<BandPart, 'path' | 'logTransmittance' | 'sphericalAlbedo' | 'perDirection'>

/** The values of a table's wavelengths on either side of each sample of a band, and what a sum over the band needs of them. */
class BandSums {
  private readonly low: Float32Array[]
  private readonly high: Float32Array[]
  /** Weight of each sample times its value, after `weigh`. */
  private readonly weighed: Float64Array

  constructor(
    private readonly samples: readonly BandSample[],
    valuesOf: (node: number) => Float32Array,
  ) {
    const known = new Map<number, Float32Array>()
    const of = (node: number): Float32Array => {
      const values = known.get(node) ?? valuesOf(node)
      known.set(node, values)
      return values
    }
    this.low = samples.map(({ node }) => of(node))
    this.high = samples.map(({ node }) => of(node + 1))
    this.weighed = new Float64Array(samples.length)
  }

  /** Mean over the band of the values at a place of the table, by what `bandMean` says. @param scale at each node, 1 where none is given. */
  weigh(at: number, scale?: (node: number) => number): number {
    let sum = 0
    let [node, log] = [-1, 0]
    for (let i = 0; i < this.weighed.length; i++) {
      const sample = this.samples[i]!
      const low = this.low[i]![at]! * (scale === undefined ? 1 : scale(sample.node))
      const high = this.high[i]![at]! * (scale === undefined ? 1 : scale(sample.node + 1))
      // Samples of one interval have the logarithm in common.
      if (sample.node !== node) log = Math.log(high / low)
      node = sample.node
      const value =
        low > 0 && high > 0 ? low * Math.exp(sample.fraction * log) : low + sample.fraction * (high - low)
      this.weighed[i] = sample.weight * value
      sum += this.weighed[i]!
    }
    return sum
  }

  /** After `weigh(at)`: the same of the values at `of`, whose ratio to those at `at` is straight. */
  weighRatio(of: number, at: number): number {
    let sum = 0
    for (let i = 0; i < this.weighed.length; i++) {
      const [low, high] = [this.low[i]!, this.high[i]!]
      const ratio = low[of]! / low[at]!
      sum += this.weighed[i]! * (ratio + this.samples[i]!.fraction * (high[of]! / high[at]! - ratio))
    }
    return sum
  }
}

function setStates(
  out: States,
  table: AtmosphereTable,
  samples: readonly BandSample[],
  model: AerosolPart['model'],
  extinction: (node: number) => number,
): void {
  const { header, layout } = table
  const suns = header.sun_zenith_deg.length
  const views = header.view_zenith_deg.length
  const masses = Float64Array.from(header.air_mass)
  const sums = new BandSums(samples, (node) => table.states(model, node))
  // Air masses of all pairs of directions, once.
  const pairs = Array.from({ length: suns * views }, (_, i) => {
    const cubic = newCubic()
    const [sun, view] = [Math.floor(i / views), i % views]
    const mass =
      1 / Math.cos((header.sun_zenith_deg[sun] ?? NaN) * RADIAN) +
      1 / Math.cos((header.view_zenith_deg[view] ?? NaN) * RADIAN)
    lagrange4(masses, mass, cubic)
    return { ...cubic, mass }
  })
  for (let p = 0; p < header.pressure_ratio.length; p++)
    for (let a = 0; a < header.aot.length; a++) {
      const state = p * header.aot.length + a
      const first = state * layout.length
      // Times the air mass single scattering saturates smoothly: that is what is interpolated.
      const air = header.air_mass.map((mass, i) => mass * sums.weigh(first + layout.singleAir + i))
      const aot = header.aot[a] ?? NaN
      const aerosol = header.air_mass.map(
        (mass, i) => aot * mass * sums.weigh(first + layout.singleAerosol + i, extinction),
      )
      for (let s = 0; s < suns; s++) {
        out.logTransmittance[state * suns + s] = Math.log(sums.weigh(first + layout.transmittance + s))
        for (let v = 0; v < views; v++) {
          const at = ((state * suns + s) * views + v) * out.perDirection
          const base = first + layout.multiple + v * suns + s
          out.path[at] = sums.weigh(base)
          for (let m = 1; m < header.orders; m++)
            out.path[at + m] = sums.weighRatio(base + m * views * suns, base)
          const pair = pairs[s * views + v]
          let [byAir, byAerosol] = [0, 0]
          for (let k = 0; k < 4; k++) {
            const w = (pair?.weights[k] ?? NaN) / (pair?.mass ?? NaN)
            byAir += w * (air[(pair?.first ?? 0) + k] ?? NaN)
            byAerosol += w * (aerosol[(pair?.first ?? 0) + k] ?? NaN)
          }
          out.path[at + header.orders] = byAir
          out.path[at + header.orders + 1] = byAerosol
        }
      }
      out.sphericalAlbedo[state] = sums.weigh(first + layout.sphericalAlbedo)
    }
}
