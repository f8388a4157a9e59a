import { acceptance } from './acceptance.js'
import {
  groupBy,
  isCirrusRow,
  modelOnSixsGrid,
  spreadOf,
  tableClosure,
  type RowErrors,
} from './accuracy-measures.js'
import { closedLoops } from './closed-loops.js'
import { markdownTable as table } from './markdown-table.js'
import type { SixsRow } from './reference-table.js'

const f4 = (value: number): string => value.toFixed(4)
/** Two digits and a power of ten: for errors far below the step of the product. */
const small = (value: number): string =>
  value
    .toExponential(1)
    .replace('e-', 'e-0')
    .replace(/e-0(\d\d)$/, 'e-$1')

const platformBand = (row: SixsRow): string => `${row.input.platform} ${row.input.band}`

/** Equation 2 with each row's own terms. Rows whose gases let no light pass say nothing of the ground and are left out. */
export function closureSection(rows: readonly SixsRow[]): string {
  const lit = rows.filter((row) => row.tgTotal * row.tDown * row.tUp > 0)
  const line = (label: string, isWanted: (row: SixsRow) => boolean, limit: string): string[][] => {
    const groups = [...groupBy(lit.filter(isWanted), platformBand)].map(([name, group]) => ({
      name,
      spread: spreadOf(group.flatMap(tableClosure)),
    }))
    if (groups.length === 0) return []
    const { name, spread } = groups.reduce((a, b) => (b.spread.rms > a.spread.rms ? b : a))
    return [[label, name, small(spread.rms), small(spread.max), limit]]
  }
  return table(
    ['bands', 'worst band', 'RMS', 'largest', 'accepted RMS'],
    [
      ...line('all but cirrus', (row) => !isCirrusRow(row), '1e-4'),
      ...line('cirrus (B10, OLI B9)', isCirrusRow, '4e-4'),
    ],
  )
}

/** Section 16 of the reference note, with the responses where they are and where 6S has them. */
export function acceptanceSection(rows: readonly SixsRow[]): string {
  const moved = acceptance(rows, (row) => modelOnSixsGrid(row.input.platform))
  const isMetText = (isMet: boolean | undefined) => (isMet === true ? 'yes' : '**no**')
  return table(
    ['measure', 'goal', 'measured', 'worst band', 'met', 'responses as 6S has them', 'worst band', 'met'],
    acceptance(rows).map(({ what, goal, measured, worst, isMet }, i) => [
      ...[what, goal, measured, worst, isMetText(isMet)],
      ...[moved[i]?.measured ?? '-', moved[i]?.worst ?? '-', isMetText(moved[i]?.isMet)],
    ]),
  )
}

const surfaceRms = (group: readonly RowErrors[], i: number): string =>
  f4(spreadOf(group.map((e) => e.surface[i] ?? NaN)).rms)

/** AOT and vapour that the method of the product finds in scenes of dark vegetation under the air of the table, by AOT. */
export function closedLoopSection(rows: readonly SixsRow[]): string {
  const met = (isMet: boolean) => (isMet ? 'yes' : '**no**')
  const byAot = [...groupBy(closedLoops(rows), ({ row }) => row.aot550.toFixed(2))]
  return table(
    [
      ...['AOT', 'scenes', 'AOT: bias', 'largest', 'goal', 'met'],
      ...['vapour: bias', 'largest', 'goal', 'met'],
    ],
    byAot.map(([aot, scenes]) => {
      const limit = 0.03 + 0.05 * Number(aot)
      const found = spreadOf(scenes.map((scene) => scene.aot))
      const vapour = spreadOf(scenes.map(({ wv, row }) => wv / row.input.wv))
      return [
        ...[aot, String(scenes.length), found.bias.toFixed(3), found.max.toFixed(3)],
        ...[limit.toFixed(3), met(found.max <= limit)],
        ...[`${(100 * vapour.bias).toFixed(1)} %`, `${(100 * vapour.max).toFixed(1)} %`, '3 %'],
        met(vapour.max <= 0.03),
      ]
    }),
  )
}

/** What each band misses of each term. */
export function bandSection(errors: readonly RowErrors[]): string {
  return table(
    [
      'band',
      'Rayleigh path',
      'path',
      'largest',
      'transmittance, %',
      'albedo',
      'surface .05',
      '.20',
      '.50',
      'largest .05',
      'bias .05',
      'gas, largest',
    ],
    [...groupBy(errors, (e) => platformBand(e.row))].map(([name, group]) => {
      const of = (measure: (e: RowErrors) => number) => spreadOf(group.map(measure))
      const dark = of((e) => e.surface[0] ?? NaN)
      return [
        name,
        f4(of((e) => e.rayleigh).rms),
        f4(of((e) => e.path).rms),
        f4(of((e) => e.path).max),
        (100 * of((e) => e.transmittance).rms).toFixed(2),
        f4(of((e) => e.albedo).rms),
        ...[0, 1, 2].map((i) => surfaceRms(group, i)),
        f4(dark.max),
        f4(dark.bias),
        f4(of((e) => e.gas).max),
      ]
    }),
  )
}

/** Dark ground under Sentinel-2A by angle, AOT, aerosol and altitude of the grid of `sixs_dev.csv`. */
export function stateSection(errors: readonly RowErrors[]): string {
  const s2a = errors.filter((e) => e.row.input.platform === 'S2A')
  const cell = (band: string, keep: (r: SixsRow) => boolean): string =>
    surfaceRms(
      s2a.filter((e) => e.row.input.band === band && keep(e.row)),
      0,
    )
  const states: [string, (r: SixsRow) => boolean][] = [
    ...[20, 40, 60].map((sza): [string, (r: SixsRow) => boolean] => [
      `sun zenith ${sza}, AOT <= 0.4`,
      (r) => r.sza === sza && r.aot550 <= 0.4,
    ]),
    ...[0.05, 0.1, 0.2, 0.4, 0.8].map((aot): [string, (r: SixsRow) => boolean] => [
      `AOT ${aot}`,
      (r) => r.aot550 === aot,
    ]),
    ...['continental', 'maritime'].map((model): [string, (r: SixsRow) => boolean] => [
      `${model}, AOT <= 0.4`,
      (r) => r.input.aerosol === model && r.aot550 <= 0.4,
    ]),
    ...[0, 1].map((km): [string, (r: SixsRow) => boolean] => [
      `altitude ${km} km, AOT <= 0.4`,
      (r) => r.altKm === km && r.aot550 <= 0.4,
    ]),
  ]
  const bands = ['B01', 'B02', 'B04', 'B8A', 'B11']
  return table(
    ['states (S2A)', ...bands],
    states.map(([label, keep]) => [label, ...bands.map((band) => cell(band, keep))]),
  )
}
