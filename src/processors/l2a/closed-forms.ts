import { ProcessingError } from '../../domain/errors.js'
import { aerosolAt, phaseAt } from './aerosol.js'
import type { AtmosphereInput, AtmosphereModel, BandCoefficients } from './atmosphere.js'
import { gasTransmittance } from './gas.js'
import { SEA_LEVEL_HPA } from './pressure.js'
import { BAND_OPTICS, type BandOptics } from './tables/band-optics.js'

const RADIAN = Math.PI / 180
/** Depolarisation of air as in 6S; gamma = delta / (2 - delta). */
const DEPOLARISATION = 0.0279
const GAMMA = DEPOLARISATION / (2 - DEPOLARISATION)

/**
 * Cosine of the scattering angle of light that comes from the sun and leaves to the sensor; arguments are cosines of the zenith angles
 * and the relative azimuth in degrees, 0 where both stand on the same side. -1 is exact backscatter.
 */
export function scatteringCosine(muSun: number, muView: number, relativeAzimuthDeg: number): number {
  const sines = Math.sqrt(Math.max(0, (1 - muSun * muSun) * (1 - muView * muView)))
  return -muSun * muView - sines * Math.cos(relativeAzimuthDeg * RADIAN)
}

/** Phase function of air (Hansen and Travis 1974, eq. 2.14 with depolarisation), 1/2 integral P dmu = 1. */
export function rayleighPhase(cosine: number): number {
  return (3 / (4 * (1 + 2 * GAMMA))) * (1 + 3 * GAMMA + (1 - GAMMA) * cosine * cosine)
}

/** Rayleigh optical depth at 1013.25 hPa, @param wavelengthUm micrometres. Source: Hansen and Travis (1974), eq. 2.30. */
export function rayleighOpticalDepth(wavelengthUm: number): number {
  const inverseSquare = 1 / (wavelengthUm * wavelengthUm)
  return 0.008569 * inverseSquare ** 2 * (1 + 0.0113 * inverseSquare + 0.00013 * inverseSquare ** 2)
}

/** Optical state of one band: optical depths, aerosol albedo, asymmetry and its phase function at the scattering angle. */
export interface Scatterers {
  readonly tauRayleigh: number
  readonly tauAerosol: number
  readonly albedo: number
  readonly asymmetry: number
  readonly aerosolPhase: number
  readonly rayleighPhase: number
}

/**
 * Path reflectance of a mixed layer over black ground: single scattering exact, the rest by a two-term phase function.
 * Source: Sobolev (1975), as applied to land imagery by Tanre et al. (1979). 0 without scatterers.
 * Worst in the blue (polarisation is left out): `docs/accuracy.md`.
 */
export function sobolevPath(muSun: number, muView: number, s: Scatterers): number {
  const tau = s.tauRayleigh + s.tauAerosol
  if (tau <= 0) return 0
  const x = (3 * s.asymmetry * s.albedo * s.tauAerosol) / tau
  const phase = (s.albedo * s.tauAerosol * s.aerosolPhase + s.tauRayleigh * s.rayleighPhase) / tau
  const r = (mu: number): number => 1 + 1.5 * mu + (1 - 1.5 * mu) * Math.exp(-tau / mu)
  // expm1 keeps its digits where the layer is thin, as in B12.
  const single = -Math.expm1(-tau * (1 / muView + 1 / muSun)) / (4 * (muView + muSun))
  return (
    1 -
    (r(muView) * r(muSun)) / (4 + (3 - x) * tau) +
    ((3 + x) * muView * muSun - 2 * (muView + muSun) + phase) * single
  )
}

/**
 * Total (direct and diffuse) transmittance of one leg. Form after Tanre et al. (1979), constants fitted to 6SV2.1: RMS 0.3 %, at most
 * 2.2 % (sun at 60 degrees). Kept in (0, 1].
 */
export function totalTransmittance(mu: number, s: Scatterers): number {
  const absorbed = 1 - s.albedo + s.albedo * (0.8811 * (1 - s.asymmetry) - 0.021)
  const direct = Math.exp(-(0.3795 * s.tauRayleigh + absorbed * s.tauAerosol) / mu ** 1.0268)
  return Math.min(
    1,
    direct / (1 + 0.1094 * s.tauRayleigh - 0.4617 * s.albedo * (1 - s.asymmetry) * s.tauAerosol),
  )
}

/** Albedo of the atmosphere seen from the ground. Constants fitted to 6SV2.1: RMS 0.002. In [0, 1). */
export function sphericalAlbedo(s: Scatterers): number {
  const { tauRayleigh: tr, tauAerosol: ta, albedo: w, asymmetry: g } = s
  return (0.8996 * tr + 1.2737 * w * (1 - g) * ta) / (1 + 0.8914 * tr + 3.2661 * (1 - w * g) * ta)
}

/** Spectral constants of a platform's band. @throws ProcessingError SENSOR_UNKNOWN. */
export function bandOptics(platform: AtmosphereInput['platform'], band: string): BandOptics {
  const optics = BAND_OPTICS[platform][band]
  if (optics !== undefined) return optics
  throw new ProcessingError(
    'SENSOR_UNKNOWN',
    `No spectral coefficients for band '${band}' of '${platform}'. Known bands: ${Object.keys(BAND_OPTICS[platform]).join(', ')}.`,
  )
}

function bandCoefficients(input: AtmosphereInput): BandCoefficients {
  const optics = bandOptics(input.platform, input.band)
  const muSun = Math.cos(input.sunZenithDeg * RADIAN)
  const muView = Math.cos(input.viewZenithDeg * RADIAN)
  const pressureRatio = input.pressureHpa / SEA_LEVEL_HPA
  const aerosol = aerosolAt(input.aerosol, optics.centreUm)
  const cosine = scatteringCosine(muSun, muView, input.relativeAzimuthDeg)
  const mixture: Scatterers = {
    tauRayleigh: optics.tauRayleigh * pressureRatio,
    tauAerosol: input.aot550 * aerosol.extinction,
    albedo: aerosol.albedo,
    asymmetry: aerosol.asymmetry,
    aerosolPhase: phaseAt(aerosol, cosine),
    rayleighPhase: rayleighPhase(cosine),
  }
  const rayleighReflectance = sobolevPath(muSun, muView, { ...mixture, tauAerosol: 0 })
  const pathReflectance = sobolevPath(muSun, muView, mixture)
  const gas = gasTransmittance(optics, {
    airMass: 1 / muSun + 1 / muView,
    wv: input.wv,
    ozone: input.ozone,
    pressureRatio,
  })
  const dry = gas.ozone * gas.other
  const transmittanceDown = totalTransmittance(muSun, mixture)
  const transmittanceUp = totalTransmittance(muView, mixture)
  return {
    pathReflectance,
    rayleighReflectance,
    gasPath: dry * (rayleighReflectance + (pathReflectance - rayleighReflectance) * gas.halfWater),
    transmittanceDown,
    transmittanceUp,
    transmittance: transmittanceDown * transmittanceUp,
    sphericalAlbedo: sphericalAlbedo(mixture),
    gasTransmittance: dry * gas.water,
  }
}

/** Radiative transfer by closed forms: cheap and smooth; its errors against 6SV2.1 are in `docs/accuracy.md`. */
export const closedForms: AtmosphereModel = { name: 'closed-forms-1', bandCoefficients }
