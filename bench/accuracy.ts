import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ProcessingError } from '../src/domain/errors.js'
import { AEROSOL_MODELS } from '../src/processors/l2a/definition.js'
import {
  errorsOf,
  groupBy,
  isAnchorState,
  isOliState,
  spreadOf,
  tableClosure,
  type RowErrors,
} from './accuracy-measures.js'
import { compareWithUsgs, hasLandsatPair, PAIR_ATMOSPHERE } from './landsat-reference.js'
import { hasReferenceTable, readSixsRows, RT_REFERENCE, type SixsRow } from './reference-table.js'
import { compareWithSurfaceReference, hasSurfaceReference } from './surface-reference.js'

const f4 = (value: number): string => value.toFixed(4)
const percent = (value: number): string => `${(100 * value).toFixed(2)} %`
/** Two digits and a power of ten: for errors far below the step of the product. */
const small = (value: number): string =>
  value
    .toExponential(1)
    .replace('e-', 'e-0')
    .replace(/e-0(\d\d)$/, 'e-$1')

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n')
}

const platformBand = (row: SixsRow): string => `${row.input.platform} ${row.input.band}`
const isCirrus = (name: string): boolean => name === 'S2A B10' || name === 'S2B B10' || name === 'L8 B09'

/** Figures of the reference note, section 2.2 and 2.6, where it gives them: path RMS; surface RMS with the path of eq. 5. */
const PUBLISHED_PATH: Readonly<Record<string, number>> = {
  B01: 0.0063,
  B02: 0.0042,
  B03: 0.003,
  B04: 0.0025,
  B8A: 0.0024,
  B11: 0.0017,
  B12: 0.0014,
}
const PUBLISHED_SURFACE: Readonly<Record<string, number>> = {
  B01: 0.0087,
  B02: 0.0055,
  B04: 0.0031,
  B8A: 0.0026,
  B11: 0.0018,
}
const orDash = (value: number | undefined): string => (value === undefined ? '-' : f4(value))

function closureSection(rows: readonly SixsRow[]): string {
  const groups = [...groupBy(rows, platformBand)].map(([name, group]) => ({
    name,
    spread: spreadOf(group.flatMap(tableClosure)),
  }))
  const worst = (cirrus: boolean) =>
    groups.filter((g) => isCirrus(g.name) === cirrus).reduce((a, b) => (b.spread.rms > a.spread.rms ? b : a))
  const line = (label: string, cirrus: boolean, limit: string): string[] => {
    const g = worst(cirrus)
    return [label, g.name, small(g.spread.rms), small(g.spread.max), limit]
  }
  return table(
    ['bands', 'worst band', 'RMS', 'largest', 'accepted RMS'],
    [line('all but cirrus', false, '1e-4'), line('cirrus (B10, OLI B9)', true, '4e-4')],
  )
}

function termsSection(errors: readonly RowErrors[]): string {
  const row = (
    label: string,
    of: (e: RowErrors) => number,
    format: (v: number) => string,
    published: string,
  ): string[] => {
    const s = spreadOf(errors.map(of))
    return [label, format(s.rms), format(s.max), format(s.bias), published]
  }
  return table(
    ['term', 'RMS', 'largest', 'bias', 'reference RMS (largest)'],
    [
      row(
        'transmittance sun to ground, relative',
        (e) => e.ours.transmittanceDown / e.row.tDown - 1,
        percent,
        '0.27 % (2.2 %)',
      ),
      row('transmittance ground to sensor, relative', (e) => e.transmittanceUp, percent, '0.12 %'),
      row('both, relative', (e) => e.transmittance, percent, '-'),
      row('spherical albedo', (e) => e.albedo, f4, '0.0019'),
    ],
  )
}

function bandSection(errors: readonly RowErrors[]): string {
  const rms = (group: readonly RowErrors[], of: (e: RowErrors) => number): string =>
    f4(spreadOf(group.map(of)).rms)
  return table(
    [
      'S2A',
      'path',
      'reference',
      'surface .05',
      'reference',
      '.20',
      '.50',
      'largest .05',
      'bias .05',
      '6a, 6b only: .05',
      '.20',
      'gas, largest',
    ],
    [...groupBy(errors, (e) => e.row.input.band)].map(([band, group]) => {
      const dark = spreadOf(group.map((e) => e.surface[0] ?? NaN))
      return [
        band,
        rms(group, (e) => e.path),
        orDash(PUBLISHED_PATH[band]),
        f4(dark.rms),
        orDash(PUBLISHED_SURFACE[band]),
        rms(group, (e) => e.surface[1] ?? NaN),
        rms(group, (e) => e.surface[2] ?? NaN),
        f4(dark.max),
        f4(dark.bias),
        rms(group, (e) => e.surfaceExactPath[0] ?? NaN),
        rms(group, (e) => e.surfaceExactPath[1] ?? NaN),
        f4(spreadOf(group.map((e) => e.gas)).max),
      ]
    }),
  )
}

function stateSection(rows: readonly SixsRow[]): string {
  const errors = rows
    .filter((r) => isAnchorState({ ...r, aot550: 0 }) && ['B02', 'B04', 'B8A'].includes(r.input.band))
    .map(errorsOf)
  const cell = (band: string, keep: (r: SixsRow) => boolean): string =>
    f4(
      spreadOf(errors.filter((e) => e.row.input.band === band && keep(e.row)).map((e) => e.surface[0] ?? NaN))
        .rms,
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
    ...AEROSOL_MODELS.map((model): [string, (r: SixsRow) => boolean] => [
      `${model}, AOT <= 0.4`,
      (r) => r.input.aerosol === model && r.aot550 <= 0.4,
    ]),
    ...[0, 1].map((km): [string, (r: SixsRow) => boolean] => [
      `altitude ${km} km, AOT <= 0.4`,
      (r) => r.altKm === km && r.aot550 <= 0.4,
    ]),
  ]
  return table(
    ['states (S2A)', 'B02', 'B04', 'B8A'],
    states.map(([label, keep]) => [label, cell('B02', keep), cell('B04', keep), cell('B8A', keep)]),
  )
}

function gasSection(rows: readonly SixsRow[]): string {
  const groups = groupBy(rows, platformBand)
  const bands = [...new Set(rows.map((r) => r.input.band))].filter((band) => band.length === 3)
  const cell = (name: string): string => {
    const group = groups.get(name)
    return group === undefined ? '-' : f4(spreadOf(group.map((row) => errorsOf(row).gas)).max)
  }
  return table(
    ['band', 'S2A', 'S2B'],
    bands.map((band) => [band, cell(`S2A ${band}`), cell(`S2B ${band}`)]),
  )
}

function sceneSection(): string {
  const runs = AEROSOL_MODELS.map((model) => compareWithSurfaceReference(model))
  return table(
    [
      'band',
      'pixels',
      'mean reference',
      'continental: bias',
      'RMS',
      'largest',
      'within .05 rho + .005',
      'maritime: bias',
      'RMS',
    ],
    (runs[0] ?? []).map(({ band, deviations, reference }, i) => {
      const ours = spreadOf(deviations)
      const other = spreadOf(runs[1]?.[i]?.deviations ?? [])
      const inside =
        deviations.filter((d, k) => Math.abs(d) <= 0.05 * (reference[k] ?? 0) + 0.005).length /
        deviations.length
      return [
        band,
        String(deviations.length),
        f4(reference.reduce((sum, v) => sum + v, 0) / reference.length),
        f4(ours.bias),
        f4(ours.rms),
        f4(ours.max),
        `${(100 * inside).toFixed(1)} %`,
        f4(other.bias),
        f4(other.rms),
      ]
    }),
  )
}

function oliSection(rows: readonly SixsRow[]): string {
  const errors = rows.filter(isOliState).map(errorsOf)
  return table(
    [
      'OLI',
      'path',
      'surface .05',
      '.20',
      '.50',
      'largest .05',
      'bias .05',
      '6a, 6b only: .05',
      '.20',
      'gas, largest',
    ],
    [...groupBy(errors, (e) => e.row.input.band)].map(([band, group]) => {
      const rms = (of: (e: RowErrors) => number): string => f4(spreadOf(group.map(of)).rms)
      const dark = spreadOf(group.map((e) => e.surface[0] ?? NaN))
      return [
        band,
        rms((e) => e.path),
        f4(dark.rms),
        rms((e) => e.surface[1] ?? NaN),
        rms((e) => e.surface[2] ?? NaN),
        f4(dark.max),
        f4(dark.bias),
        rms((e) => e.surfaceExactPath[0] ?? NaN),
        rms((e) => e.surfaceExactPath[1] ?? NaN),
        f4(spreadOf(group.map((e) => e.gas)).max),
      ]
    }),
  )
}

/** Atmospheres under which the pair of USGS is corrected. */
export const PAIR_RUNS = [
  { aerosol: 'continental', aot: 0.05 },
  { aerosol: 'continental', aot: 0.1 },
  { aerosol: 'continental', aot: 0.2 },
  { aerosol: 'maritime', aot: 0.1 },
] as const

async function pairSection(): Promise<string> {
  const mean = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / values.length
  return table(
    [
      'band',
      'pixels',
      'mean at sensor',
      'mean USGS',
      ...PAIR_RUNS.flatMap((r) => [`${r.aerosol} ${r.aot}: bias`, 'RMS']),
    ],
    (await compareWithUsgs(PAIR_RUNS)).map(({ band, toa, reference, ours }) => [
      band,
      String(reference.length),
      f4(mean(toa)),
      f4(mean(reference)),
      ...ours.flatMap((values) => {
        const s = spreadOf(values.map((v, i) => v - (reference[i] ?? NaN)))
        return [f4(s.bias), f4(s.rms)]
      }),
    ]),
  )
}

/** The page as text. Needs the reference data beside the checkout; the same data give the same bytes. */
export async function accuracyReport(): Promise<string> {
  if (!hasReferenceTable || !hasSurfaceReference || !hasLandsatPair)
    throw new ProcessingError(
      'NOT_FOUND',
      `No reference data at ${RT_REFERENCE} and beside it; put shared/data next to the checkout and try again.`,
    )
  const rows = readSixsRows()
  const errors = rows.filter(isAnchorState).map(errorsOf)
  return `# Accuracy of the atmospheric correction

Made by \`tilth bench accuracy --write\`; do not edit. Reflectance has the unit 1. Deviations are ours minus reference.
"Reference" columns hold the figures that the method's own fit was published with, measured on the same states.

## What these numbers are and are not
They are the errors of the radiative transfer alone: aerosol, water vapour and ozone are given their true values. Wrong inputs cost
more: 0.05 of AOT changes dark ground by 0.004 in B02 and 0.002 in B8A; 0.3 g/cm2 of vapour change B08 by 0.9 %; 40 DU of ozone B03 by 0.8 %.
The ground is taken as flat, uniform and Lambertian. The transmittance and albedo formulas were fitted to this same table, so their
rows show the quality of the fit, not of a prediction; the path reflectance was not fitted. The table ends at a sun zenith of
60 degrees, an AOT of 0.8 and 1 km of altitude; beyond that nothing here is measured, and pixels with the sun beyond 70 degrees are flagged.

## Signal model: equation 2 with the table's own terms
6SV2.1, ${rows.length} states of S2A, S2B and Landsat 8, grounds 0.05, 0.2 and 0.5: how far the model can be right at all.

${closureSection(rows)}

## Terms of the closed forms
6SV2.1, S2A, the 11 delivered bands, continental and maritime aerosol, AOT 0.05 to 0.4, sun zenith 20, 40, 60, view 0 and 8 degrees,
sea level and 1 km, ${errors.length} states.

${termsSection(errors)}

## Surface reflectance
The same states; RMS over grounds of 0.05, 0.20 and 0.50 with every term ours, gases included. "6a, 6b only" takes path and gases from 6S.

${bandSection(errors)}

The path is what costs: eq. 5 leaves out polarisation, which in the blue makes up to 5 % of it. A table from a vector code replaces it
behind the same interface.

## Where the error lies
Surface reflectance over ground of 0.05, RMS.

${stateSection(rows)}

Equation 5 is no use in thick haze: at an AOT of 0.8 it is off by 0.04 in the blue. Above 0.4 take results as qualitative.

## Gas transmittance
All gases, two-way, largest absolute error over the whole table. B09 and B10 are not delivered as surface reflectance.

${gasSection(rows)}

## A scene corrected by another code
Sentinel-2A, tile 53JQJ, 2020-10-31 (Simpson desert, partly cloudy), about 1 to 6 km pixels: wagl of Geoscience Australia, MODTRAN 6 with
DISORT, rural aerosol; AOT 0.096, 1.28 g/cm2, 306 DU given to both; our input is the reflectance that its
coefficients imply at the sensor. Neither is the truth: band models of absorption differ (B06, B11, B12), and so do the
aerosols.

${sceneSection()}

## Landsat-8
6SV2.1, OLI, the 7 delivered bands and the states as above, ${rows.filter(isOliState).length} of them. Gas fits and Rayleigh depths are OLI's own; the constants of transmittance and
albedo were fitted to Sentinel-2A's rows, so these are a prediction. For OLI-2 no rows of 6S are at hand: only its gas fits and Rayleigh depths are its own.

${oliSection(rows)}

## A Landsat scene corrected by USGS
Landsat-8, 017/051, 2015-12-05 (Momotombo, Nicaragua), a crop of 7 x 10 km: level 2 of USGS (LaSRC) against our correction of the same level 1. Clear
vegetation, told from level 1 alone (blue at the sensor < 0.145, 8 pixels from what is not, NDVI > 0.3). AOT is given, not retrieved, and nobody measured it: four
guesses; ${PAIR_ATMOSPHERE.wv} g/cm2 and ${PAIR_ATMOSPHERE.ozone} DU are usual for the place and month, the ground is taken at ${PAIR_ATMOSPHERE.altitudeM} m. Angles are computed, as the crop has none. LaSRC finds its own aerosol; it is no
truth either. What holds without the right AOT: the shortwave infrared; in the blue 0.1 of AOT moves the result by 0.01.

${await pairSection()}
`
}

/** Prints the tables; with \`write\`, replaces docs/accuracy.md below the checkout. @throws ProcessingError NOT_FOUND without reference data. */
export async function run(options: { readonly write?: boolean } = {}): Promise<void> {
  const report = await accuracyReport()
  const path = join(process.env['TILTH_ROOT'] ?? process.cwd(), 'docs/accuracy.md')
  process.stdout.write(report)
  if (options.write === true) writeFileSync(path, report)
  else if (readFileSync(path, 'utf8') !== report)
    process.stderr.write(`${path} differs; write it anew with --write.\n`)
}
