import type { SpectralResponse, SpectralSensor } from '../src/domain/l1-scene.js'
import type { AtmosphereModel, BandCoefficients } from '../src/processors/l2a/atmosphere.js'
import { shippedResponse } from '../src/processors/l2a/band-integration.js'
import { L2A_BANDS } from '../src/domain/band-choice.js'
import { LANDSAT_L2A_BANDS } from '../src/processors/l2a/definition.js'
import { SPECTRAL_RESPONSES } from '../src/processors/l2a/tables/spectral-responses.js'
import { tableModel } from '../src/processors/l2a/table-model.js'
import { shippedAtmosphereTable } from '../src/runner/rt/atmosphere-table.js'
import type { SixsRow } from './reference-table.js'
import { SURFACES } from './reference-table.js'

/** Root mean square and largest magnitude of a set of deviations. */
export interface Spread {
  readonly rms: number
  readonly max: number
  readonly bias: number
}

export function spreadOf(deviations: readonly number[]): Spread {
  const sum = deviations.reduce((total, d) => total + d, 0)
  const squares = deviations.reduce((total, d) => total + d * d, 0)
  const max = deviations.reduce((most, d) => Math.max(most, Math.abs(d)), 0)
  return { rms: Math.sqrt(squares / deviations.length), max, bias: sum / deviations.length }
}

/** The middle one, of an even number the mean of the two. NaN of none. */
export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (sorted.length - 1) / 2
  return ((sorted[Math.floor(at)] ?? NaN) + (sorted[Math.ceil(at)] ?? NaN)) / 2
}

/** Eq. 2: `y = (rho_toa - path) / transmittance; rho_s = y / (1 + S y)`, unit 1; `path` and `transmittance` include the gases. */
export function invert(toa: number, path: number, transmittance: number, albedo: number): number {
  const y = (toa - path) / transmittance
  return y / (1 + albedo * y)
}

/** The same with coefficients of a model. */
export const correct = (toa: number, c: BandCoefficients): number =>
  invert(toa, c.gasPath, c.gasTransmittance * c.transmittance, c.sphericalAlbedo)

let shipped: AtmosphereModel | undefined
/** The model that corrects images, with the shipped spectral responses. */
export const shippedModel = (): AtmosphereModel => (shipped ??= tableModel(shippedAtmosphereTable()))

const moved = new Map<SpectralSensor, AtmosphereModel>()
/** The same with the responses of a platform where 6S puts them: their first wavelength at the nearest point of its grid of 2.5 nm. */
export function modelOnSixsGrid(platform: SpectralSensor): AtmosphereModel {
  const known = moved.get(platform)
  if (known !== undefined) return known
  const responses = Object.keys(SPECTRAL_RESPONSES[platform]).map((band): [string, SpectralResponse] => {
    const response = shippedResponse(platform, band)
    return [band, { ...response, startNm: 250 + 2.5 * Math.floor((response.startNm - 250) / 2.5 + 0.5) }]
  })
  const made = tableModel(shippedAtmosphereTable(), new Map(responses))
  moved.set(platform, made)
  return made
}

/** Inverts with the row's own 6S terms; deviations from the ground reflectance 0.05, 0.2, 0.5. */
export function tableClosure(row: SixsRow): number[] {
  return [1, 2, 3].map(
    (i) => invert(row.toa[i]!, row.toa[0], row.tgTotal * row.tDown * row.tUp, row.sphAlbedo) - SURFACES[i]!,
  )
}

/** Prediction of rho_toa by the row's own terms, minus the row's: the same closure on the sensor's side, defined also where no light passes. */
export function tableForward(row: SixsRow): number[] {
  return [1, 2, 3].map((i) => {
    const rho = SURFACES[i]!
    return row.toa[0] + (row.tgTotal * row.tDown * row.tUp * rho) / (1 - row.sphAlbedo * rho) - row.toa[i]!
  })
}

/** Deviations of one row, ours minus 6S. */
export interface RowErrors {
  readonly row: SixsRow
  readonly ours: BandCoefficients
  readonly rayleigh: number
  /** Path reflectance, gases left out. */
  readonly path: number
  /** Relative, both legs. */
  readonly transmittance: number
  readonly albedo: number
  readonly gas: number
  /** rho_s at 0.05, 0.2, 0.5: all terms ours. */
  readonly surface: readonly number[]
}

export function errorsOf(row: SixsRow, model: AtmosphereModel = shippedModel()): RowErrors {
  const ours = model.bandCoefficients(row.input)
  return {
    row,
    ours,
    rayleigh: ours.rayleighReflectance - row.rhoRayleigh,
    path: ours.pathReflectance - row.rhoAtm,
    transmittance: ours.transmittance / (row.tDown * row.tUp) - 1,
    albedo: ours.sphericalAlbedo - row.sphAlbedo,
    gas: ours.gasTransmittance - row.tgTotal,
    surface: [1, 2, 3].map((i) => correct(row.toa[i]!, ours) - SURFACES[i]!),
  }
}

/** Rows by `keyOf`, in order of first appearance. */
export function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  return groups
}

const delivered: ReadonlySet<string> = new Set(L2A_BANDS)
const deliveredOfOli: ReadonlySet<string> = new Set(LANDSAT_L2A_BANDS)

const isOli = (platform: SpectralSensor): boolean => platform === 'L8' || platform === 'L9'

/** Bands with a surface reflectance: not water vapour, cirrus, panchromatic. */
export const isDeliveredRow = ({ input }: SixsRow): boolean =>
  (isOli(input.platform) ? deliveredOfOli : delivered).has(input.band)

/** Bands in which almost no light of the ground comes back: near 1.38 um. */
export const isCirrusRow = ({ input }: SixsRow): boolean =>
  input.band === (isOli(input.platform) ? 'B09' : 'B10')
