import type { AtmosphereModel } from '../src/processors/l2a/atmosphere.js'
import {
  errorsOf,
  groupBy,
  isCirrusRow,
  isDeliveredRow,
  shippedModel,
  spreadOf,
  type RowErrors,
} from './accuracy-measures.js'
import type { SixsRow } from './reference-table.js'

/** One goal, what was measured, and where it was worst. */
export interface Acceptance {
  readonly what: string
  readonly goal: string
  readonly measured: string
  readonly worst: string
  readonly isMet: boolean
}

const nameOf = ({ row }: RowErrors): string => `${row.input.platform} ${row.input.band}`
const f4 = (value: number): string => value.toFixed(4)
const percent = (value: number): string => `${(100 * value).toFixed(2)} %`

/** Goals for root mean square and largest deviation, each band by itself; the worst band is told. Nothing where no state belongs to it. */
function spread(
  what: string,
  errors: readonly RowErrors[],
  of: (e: RowErrors) => number,
  [rms, max]: readonly [number, number],
): Acceptance[] {
  if (errors.length === 0) return []
  const groups = [...groupBy(errors, nameOf)].map(([name, group]) => ({ name, ...spreadOf(group.map(of)) }))
  const worst = groups.reduce((a, b) =>
    Math.max(b.rms / rms, b.max / max) > Math.max(a.rms / rms, a.max / max) ? b : a,
  )
  return [
    {
      what,
      goal: `RMS ${f4(rms)}, largest ${f4(max)}`,
      measured: `${f4(Math.max(...groups.map((g) => g.rms)))}, ${f4(Math.max(...groups.map((g) => g.max)))}`,
      worst: worst.name,
      isMet: groups.every((g) => g.rms <= rms && g.max <= max),
    },
  ]
}

/** A goal for each single state; nothing where there is none. */
function each(
  what: string,
  errors: readonly RowErrors[],
  of: (e: RowErrors) => number,
  limitOf: (e: RowErrors) => number,
  goal: string,
  format: (value: number) => string = f4,
): Acceptance[] {
  if (errors.length === 0) return []
  const ratio = (e: RowErrors) => Math.abs(of(e)) / limitOf(e)
  const worst = errors.reduce((a, b) => (ratio(b) > ratio(a) ? b : a))
  const share = errors.filter((e) => ratio(e) <= 1).length / errors.length
  return [
    {
      what,
      goal,
      measured: `${format(spreadOf(errors.map(of)).max)}, ${(100 * share).toFixed(1)} % of the states within`,
      worst: nameOf(worst),
      isMet: share === 1,
    },
  ]
}

/** Section 16 of the reference note, on any table of 6S rows; measures of which it has no state are left out. */
export function acceptance(
  rows: readonly SixsRow[],
  modelOf: (row: SixsRow) => AtmosphereModel = () => shippedModel(),
): Acceptance[] {
  const all = rows.map((row) => errorsOf(row, modelOf(row)))
  const land = all.filter((e) => isDeliveredRow(e.row))
  const thin = land.filter((e) => e.row.aot550 <= 0.4)
  const thick = land.filter((e) => e.row.aot550 > 0.4)
  const isCirrus = ({ row }: RowErrors) => isCirrusRow(row)
  const isVapour = (e: RowErrors) => e.row.input.band === 'B09' && !isCirrus(e)
  const gasLimit = (e: RowErrors) => (isCirrus(e) ? 0.002 : isVapour(e) ? 0.01 : 0.005)
  const surface = (i: number) => (e: RowErrors) => e.surface[i] ?? NaN
  return [
    each(
      'Rayleigh path, every state',
      all,
      (e) => e.rayleigh,
      (e) => Math.max(0.0005, 0.01 * e.row.rhoRayleigh),
      'max(0.0005, 1 %)',
    ),
    spread('path, AOT up to 0.4', thin, (e) => e.path, [0.001, 0.003]),
    spread('path, AOT above 0.4', thick, (e) => e.path, [0.002, 0.006]),
    each(
      'transmittance of both legs, AOT up to 0.4',
      thin,
      (e) => e.transmittance,
      () => 0.01,
      '1 %',
      percent,
    ),
    each(
      'transmittance of both legs, AOT above 0.4',
      thick,
      (e) => e.transmittance,
      () => 0.02,
      '2 %',
      percent,
    ),
    each(
      'spherical albedo',
      land,
      (e) => e.albedo,
      () => 0.005,
      '0.005',
    ),
    spread('surface 0.05, AOT up to 0.4', thin, surface(0), [0.002, 0.005]),
    spread('surface 0.20, AOT up to 0.4', thin, surface(1), [0.003, 0.008]),
    spread('surface 0.50, AOT up to 0.4', thin, surface(2), [0.006, 0.015]),
    each(
      'gases',
      all.filter((e) => !isCirrus(e) && !isVapour(e)),
      (e) => e.gas,
      gasLimit,
      '0.005',
    ),
    each('gases, B09', all.filter(isVapour), (e) => e.gas, gasLimit, '0.010'),
    each('gases, cirrus bands', all.filter(isCirrus), (e) => e.gas, gasLimit, '0.002'),
  ].flat()
}
