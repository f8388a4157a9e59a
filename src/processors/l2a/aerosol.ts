import type { AerosolModel } from './definition.js'
import { AEROSOL_OPTICS, AEROSOL_WAVELENGTHS_UM } from './tables/aerosol-optics.js'
import { AEROSOL_PHASE, PHASE_COSINES } from './tables/aerosol-phase.js'

/** Optics of an aerosol at one wavelength. */
export interface AerosolAtBand {
  /** Optical thickness relative to that at 550 nm. */
  readonly extinction: number
  readonly albedo: number
  readonly asymmetry: number
  /** Phase function at PHASE_COSINES. */
  readonly phase: Float64Array
}

interface Bracket {
  readonly index: number
  readonly fraction: number
}

/** Where `x` lies in ascending `nodes`; outside, the nearer end. */
function bracket(nodes: readonly number[], x: number): Bracket {
  const last = nodes.length - 1
  let index = 0
  while (index < last - 1 && x > (nodes[index + 1] ?? Infinity)) index++
  const low = nodes[index] ?? 0
  const high = nodes[index + 1] ?? low + 1
  return { index, fraction: Math.min(Math.max((x - low) / (high - low), 0), 1) }
}

const mix = (values: ArrayLike<number>, { index, fraction }: Bracket): number => {
  const low = values[index] ?? NaN
  return low + fraction * ((values[index + 1] ?? low) - low)
}
const logMix = (values: readonly number[], at: Bracket): number => Math.exp(mix(values.map(Math.log), at))

const logWavelengths = AEROSOL_WAVELENGTHS_UM.map(Math.log)
/** Interpolated once a band: the nodes of a tile ask some hundred thousand times. */
const cache: Readonly<Record<AerosolModel, Map<number, AerosolAtBand>>> = {
  continental: new Map(),
  maritime: new Map(),
}

/**
 * Optics at a band's centroid, interpolated in the logarithm of the wavelength (extinction and phase function log-log, as 6S does).
 * @param wavelengthUm micrometres, [0.40, 2.25]; outside, the nearer end.
 */
export function aerosolAt(model: AerosolModel, wavelengthUm: number): AerosolAtBand {
  const known = cache[model].get(wavelengthUm)
  if (known !== undefined) return known
  const at = bracket(logWavelengths, Math.log(wavelengthUm))
  const optics = AEROSOL_OPTICS[model]
  const phases = AEROSOL_PHASE[model]
  const made: AerosolAtBand = {
    extinction: logMix(optics.extinction, at),
    albedo: mix(optics.albedo, at),
    asymmetry: mix(optics.asymmetry, at),
    phase: Float64Array.from(PHASE_COSINES, (_, i) =>
      logMix(
        phases.map((row) => row[i] ?? NaN),
        at,
      ),
    ),
  }
  cache[model].set(wavelengthUm, made)
  return made
}

/** Phase function at a scattering angle, linear between the table's cosines; @param cosine in [-1, 0.3], beyond it the last value. */
export function phaseAt(aerosol: AerosolAtBand, cosine: number): number {
  return mix(aerosol.phase, bracket(PHASE_COSINES, cosine))
}
