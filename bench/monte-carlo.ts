import type { AerosolModel } from '../src/domain/aerosol-mix.js'
import type { AerosolOptics } from '../src/runner/rt/plan.js'
import { Chance } from './chance.js'

/** A column of air and aerosol at one wavelength over black ground. */
export interface PhotonColumn {
  readonly tauRayleigh: number
  readonly tauAerosol: number
  readonly ssa: number
  readonly phase: PhaseTable
}

/** Where photons go that an aerosol scatters: phase function, 1/2 integral P dmu = 1, and its integral, on even steps of the angle. */
export interface PhaseTable {
  readonly values: Float64Array
  readonly integral: Float64Array
  /** Share that goes straight on: what the nodes leave out of the forward peak. */
  readonly ahead: number
}

const STEPS = 20_000
/** Within so many degrees of straight on the peak is cut where the nodes have too much of it. */
const PEAK_DEG = 4
/** Photons of less than this share go on as half as many of twice the share. */
const LEAST_SHARE = 1e-3
/** Levels of the column at which the aerosol's share is known. */
const LEVELS = 512

/** Particles at one wavelength: extinction over that at 550 nm, single scattering albedo, and where their light goes. */
export interface Particles {
  readonly extinction: number
  readonly albedo: number
  readonly phase: PhaseTable
}

/** Of a model at one of the wavelengths of its optics. */
export function particlesOf(optics: AerosolOptics, model: AerosolModel, um: number): Particles {
  const at = optics.models[model][optics.wavelengths_um.indexOf(um)]
  if (at === undefined) throw new Error(`No optics of ${model} at ${um} um.`)
  return { ...at, phase: phaseTable(optics.cosines, at.phase) }
}

/** A phase function between the angles at which it is given: exponential. */
function phaseTable(cosines: readonly number[], phase: readonly number[]): PhaseTable {
  const nodes = cosines
    .map((cosine, i) => ({ angle: Math.acos(cosine), log: Math.log(phase[i]!) }))
    .sort((a, b) => a.angle - b.angle)
  const values = new Float64Array(STEPS)
  const integral = new Float64Array(STEPS + 1)
  const step = Math.PI / STEPS
  for (let i = 0, k = 1; i < STEPS; i++) {
    const angle = (i + 0.5) * step
    while (k < nodes.length - 1 && nodes[k]!.angle < angle) k++
    const [low, high] = [nodes[k - 1]!, nodes[k]!]
    const share = Math.min(1, Math.max(0, (angle - low.angle) / (high.angle - low.angle)))
    values[i] = Math.exp(low.log + share * (high.log - low.log))
    integral[i + 1] = integral[i]! + (values[i]! * Math.sin(angle) * step) / 2
  }
  const missing = 1 - integral[STEPS]!
  if (missing >= 0) return { values, integral, ahead: missing }
  const end = Math.round((PEAK_DEG / 180) * STEPS)
  const peak = integral[end]!
  for (let i = 1; i <= STEPS; i++)
    integral[i] = i <= end ? (integral[i]! * (peak + missing)) / peak : integral[i]! + missing
  return { values, integral, ahead: 0 }
}

/**
 * Reflectance at the sensor, unit 1, of a column seen straight from above, and its standard error, by photons that are followed one by one: each scattering adds what of it leaves straight up (local estimate; Marchuk et al. 1980,
 * The Monte Carlo Methods in Atmospheric Optics). Nothing of it is the solver's: no streams, no moments, no truncation, no orders. Light is not polarised; air thins out over 8 km, aerosol over 2 km. The same seed gives the same number.
 */
export function followPhotons(
  { tauRayleigh, tauAerosol, ssa, phase }: PhotonColumn,
  sunZenithDeg: number,
  photons: number,
): { readonly reflectance: number; readonly error: number } {
  const chance = new Chance(1)
  const depth = tauRayleigh + tauAerosol
  const aerosolAt = aerosolShares(tauRayleigh, tauAerosol)
  const mu0 = Math.cos((sunZenithDeg * Math.PI) / 180)
  let [sum, squares] = [0, 0]
  for (let n = 0; n < photons; n++) {
    // Cosine to the downward vertical, and the depth below the top.
    let [mu, tau, share, seen] = [mu0, 0, 1, 0]
    for (;;) {
      tau -= Math.log(1 - chance.next()) * mu
      if (tau < 0 || tau > depth) break
      const ofAerosol = aerosolAt[Math.floor((tau / depth) * (LEVELS - 1))]!
      const scattered = ssa * ofAerosol + (1 - ofAerosol)
      share *= scattered
      const isAerosol = chance.next() < (ssa * ofAerosol) / scattered
      const up = -mu
      const p = isAerosol
        ? phase.values[Math.min(STEPS - 1, Math.floor((Math.acos(up) / Math.PI) * STEPS))]!
        : 0.75 * (1 + up * up)
      seen += (share * p * Math.exp(-tau)) / 4
      if (share < LEAST_SHARE) {
        if (chance.next() < 0.5) break
        share *= 2
      }
      const cosine = isAerosol ? aheadOf(phase, chance) : ofAir(chance)
      const sines = Math.sqrt(Math.max(0, (1 - cosine * cosine) * (1 - mu * mu)))
      mu = Math.min(1, Math.max(-1, mu * cosine + sines * Math.cos(2 * Math.PI * chance.next())))
    }
    sum += seen
    squares += seen * seen
  }
  const reflectance = sum / photons
  return { reflectance, error: Math.sqrt((squares / photons - reflectance ** 2) / photons) }
}

/** The aerosol's share of the extinction at even steps of the depth from the top. */
function aerosolShares(tauRayleigh: number, tauAerosol: number): Float64Array {
  return Float64Array.from({ length: LEVELS }, (_, i) => {
    const wanted = ((tauRayleigh + tauAerosol) * (i + 0.5)) / LEVELS
    let [low, high] = [0, 200]
    for (let k = 0; k < 50; k++) {
      const km = (low + high) / 2
      if (tauRayleigh * Math.exp(-km / 8) + tauAerosol * Math.exp(-km / 2) > wanted) low = km
      else high = km
    }
    const [air, aerosol] = [(tauRayleigh / 8) * Math.exp(-low / 8), (tauAerosol / 2) * Math.exp(-low / 2)]
    return aerosol / (air + aerosol)
  })
}

/** A cosine by the phase function's integral. */
function aheadOf({ integral, ahead }: PhaseTable, chance: Chance): number {
  const drawn = chance.next() - ahead
  if (drawn < 0) return 1
  let [low, high] = [0, STEPS]
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (integral[middle]! <= drawn) low = middle
    else high = middle
  }
  const share = (drawn - integral[low]!) / Math.max(1e-300, integral[high]! - integral[low]!)
  return Math.cos(((low + share) / STEPS) * Math.PI)
}

/** A cosine by 3/4 (1 + cosine^2). */
function ofAir(chance: Chance): number {
  for (;;) {
    const cosine = 2 * chance.next() - 1
    if (2 * chance.next() <= 1 + cosine * cosine) return cosine
  }
}
