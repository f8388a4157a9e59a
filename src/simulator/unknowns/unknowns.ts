import { SIMULATED_AEROSOLS, type SimulatedAerosol } from '../atmosphere/aerosols.js'
import { ProcessingError } from '../../domain/errors.js'
import { numberWithin } from '../options.js'

/** What nature and a sensor do and no retrieval is told of. Absent: as before, none of it. */
export interface UnknownsOptions {
  /** Default continental. */
  readonly aerosol?: SimulatedAerosol
  /** Aerosol thins out upward with this scale; `aot` is then that at sea level. Default null: the same above all ground. */
  readonly aerosolScaleHeightM?: number | null
  /** Slopes change the light on them. */
  readonly slopes?: boolean
  /** Light of neighbouring ground reaches the line of sight. */
  readonly adjacency?: boolean
  /** Reflectance depends on where sun and sensor stand. */
  readonly directional?: boolean
  /** Largest relative error of a band's calibration, the same on all dates, 0..0.2. */
  readonly calibration?: number
  /** Standard deviation of a date's displacement in each direction, in finest pixels, 0..2. */
  readonly jitterPx?: number
  /** Relative standard deviation of blue over red, and of the short-wave infrared over red, from field to field, 0..0.5. */
  readonly spectra?: number
  /** Relative standard deviation of the ground's brightness from date to date, 0..0.5; a twenty-fifth of the patches changes by 30 % besides. */
  readonly change?: number
}

export type Unknowns = Required<UnknownsOptions>

/** Throws BAD_ARGUMENT where a number is out of range. */
export function checkUnknowns(options: UnknownsOptions): Unknowns {
  const aerosol = options.aerosol ?? 'continental'
  if (!SIMULATED_AEROSOLS.includes(aerosol))
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `aerosol: expected one of ${SIMULATED_AEROSOLS.join(', ')}, found ${aerosol as string}.`,
    )
  const height = options.aerosolScaleHeightM ?? null
  return {
    aerosol,
    aerosolScaleHeightM: height === null ? null : numberWithin('aerosol scale height', height, 200, 10_000),
    slopes: options.slopes ?? false,
    adjacency: options.adjacency ?? false,
    directional: options.directional ?? false,
    calibration: numberWithin('calibration error', options.calibration ?? 0, 0, 0.2),
    jitterPx: numberWithin('jitter', options.jitterPx ?? 0, 0, 2),
    spectra: numberWithin('scatter of spectra', options.spectra ?? 0, 0, 0.5),
    change: numberWithin('change between dates', options.change ?? 0, 0, 0.5),
  }
}
