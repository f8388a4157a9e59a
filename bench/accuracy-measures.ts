import type { BandCoefficients } from '../src/processors/l2a/atmosphere.js'
import { closedForms } from '../src/processors/l2a/closed-forms.js'
import { L2A_BANDS, LANDSAT_L2A_BANDS } from '../src/processors/l2a/definition.js'
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

/** Eq. 2: `y = (rho_toa - path) / transmittance; rho_s = y / (1 + S y)`, unit 1; `path` and `transmittance` include the gases. */
export function invert(toa: number, path: number, transmittance: number, albedo: number): number {
  const y = (toa - path) / transmittance
  return y / (1 + albedo * y)
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

/** Deviations of one row under the closed forms. */
export interface RowErrors {
  readonly row: SixsRow
  readonly ours: BandCoefficients
  /** Path reflectance, gases left out. */
  readonly path: number
  /** Relative, both legs. */
  readonly transmittance: number
  /** Relative, ground to sensor. */
  readonly transmittanceUp: number
  readonly albedo: number
  readonly gas: number
  /** rho_s at 0.05, 0.2, 0.5: all terms ours. */
  readonly surface: readonly number[]
  /** The same with the path and gases of 6S: what 6a and 6b alone cost. */
  readonly surfaceExactPath: readonly number[]
  /** The same with the gases of 6S: what scattering alone costs (the table of section 2.6). */
  readonly surfaceExactGas: readonly number[]
}

export function errorsOf(row: SixsRow): RowErrors {
  const ours = closedForms.bandCoefficients(row.input)
  const gasPath =
    row.tgOther *
    row.tgOzone *
    (ours.rayleighReflectance + (ours.pathReflectance - ours.rayleighReflectance) * row.tgHalfWater)
  const each = (path: number, transmittance: number) =>
    [1, 2, 3].map((i) => invert(row.toa[i]!, path, transmittance, ours.sphericalAlbedo) - SURFACES[i]!)
  return {
    row,
    ours,
    path: ours.pathReflectance - row.rhoAtm,
    transmittance: ours.transmittance / (row.tDown * row.tUp) - 1,
    transmittanceUp: ours.transmittanceUp / row.tUp - 1,
    albedo: ours.sphericalAlbedo - row.sphAlbedo,
    gas: ours.gasTransmittance - row.tgTotal,
    surface: each(ours.gasPath, ours.gasTransmittance * ours.transmittance),
    surfaceExactPath: each(row.toa[0], row.tgTotal * ours.transmittance),
    surfaceExactGas: each(gasPath, row.tgTotal * ours.transmittance),
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

/** The states of section 2.6: Sentinel-2A, the 11 delivered bands, both aerosols, AOT up to 0.4, sun zenith 20-60 degrees, 0 and 1 km. */
export const isAnchorState = (row: SixsRow): boolean =>
  row.input.platform === 'S2A' && delivered.has(row.input.band) && row.aot550 <= 0.4

/** The same states of Landsat-8 OLI and its 7 delivered bands. */
export const isOliState = (row: SixsRow): boolean =>
  row.input.platform === 'L8' && deliveredOfOli.has(row.input.band) && row.aot550 <= 0.4
