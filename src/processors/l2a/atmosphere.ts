import type { SpectralSensor } from '../../domain/l1-scene.js'

/** The state of the atmosphere and the geometry of one look through it. */
export interface AtmosphereInput {
  readonly platform: SpectralSensor
  /** B01..B12, B8A for Sentinel-2; B01..B09 for Landsat. */
  readonly band: string
  /** Degrees from the vertical, [0, 80]. */
  readonly sunZenithDeg: number
  /** Degrees from the vertical, [0, 18]. */
  readonly viewZenithDeg: number
  /** Sun azimuth minus view azimuth, both seen from the ground; any multiple of 360 may be added. 0: sun and sensor on the same side (backscatter). */
  readonly relativeAzimuthDeg: number
  /** At 550 nm, of the column above the target, [0, 2]. */
  readonly aot550: number
  /** g/cm2, column above sea level, [0, 8]. */
  readonly wv: number
  /** DU, column above sea level, [100, 600]. */
  readonly ozone: number
  /** At the target, hPa, [300, 1100]. */
  readonly pressureHpa: number
  /** A model or a mix of models, as `parseAerosolMix` reads it. */
  readonly aerosol: string
}

/**
 * Terms of the signal model, band means, unit 1:
 * `rho_toa = gasPath + gasTransmittance * transmittance * rho_s / (1 - sphericalAlbedo * rho_s)`.
 */
export interface BandCoefficients {
  /** Path reflectance of molecules and aerosol, gases left out. */
  readonly pathReflectance: number
  /** The same without aerosol. */
  readonly rayleighReflectance: number
  /** Path reflectance as the sensor sees it: through the gases, half of the water vapour on the aerosol's share. */
  readonly gasPath: number
  /** Sun to ground, direct and diffuse, scattering only. */
  readonly transmittanceDown: number
  /** Ground to sensor. */
  readonly transmittanceUp: number
  /** transmittanceDown * transmittanceUp. */
  readonly transmittance: number
  /** Of transmittanceDown what comes straight from the sun. */
  readonly directDown: number
  /** Of transmittanceUp what goes straight to the sensor. */
  readonly directUp: number
  /** Of air and aerosol above the target, vertical, gases left out: directDown is exp(-opticalDepth / mu_sun). */
  readonly opticalDepth: number
  readonly sphericalAlbedo: number
  /** Two-way transmittance of all gases. */
  readonly gasTransmittance: number
}

/**
 * What the rest of the processor knows of radiative transfer. A table made by a vector solver fills it (`table-model.ts`); coefficients depend
 * on nothing but the input.
 */
export interface AtmosphereModel {
  /** For provenance, such as `successive-orders-1`. */
  readonly name: string
  /** @throws ProcessingError SENSOR_UNKNOWN where no table describes the platform's band. */
  bandCoefficients(input: AtmosphereInput): BandCoefficients
}
