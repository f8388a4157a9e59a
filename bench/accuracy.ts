import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ProcessingError } from '../src/domain/errors.js'
import { errorsOf, isDeliveredRow, medianOf } from './accuracy-measures.js'
import { cloudScenes, compareClouds, hasCloudReference } from './cloud-reference.js'
import { hasLandsatPair, PAIR_ATMOSPHERE } from './landsat-reference.js'
import { ownAirSection, pairSection } from './landsat-section.js'
import { markdownTable as table } from './markdown-table.js'
import { PHOTONS, photonSection } from './photon-section.js'
import { hasReferenceTable, readSixsRows, RT_REFERENCE } from './reference-table.js'
import { simulatedSection } from './simulated-section.js'
import {
  acceptanceSection,
  bandSection,
  closedLoopSection,
  closureSection,
  stateSection,
} from './sixs-section.js'
import { failuresOf, limitAt, PATH_LIMIT } from './surface-limits.js'
import { compareWithSurfaceReference, GROUNDS, hasSurfaceReference } from './surface-reference.js'
import { tableReport } from './table-accuracy.js'
import { COVERAGE_SCENES, productCoverageSection, selfConsistencySection } from './uncertainty-section.js'

const f4 = (value: number): string => value.toFixed(4)
const percent = (value: number): string => `${(100 * value).toFixed(2)} %`
/** Runs of the reference scene: with the AOT that it was given, and with one that must not pass. */
const AIR = { aerosol: 'continental', aotError: 0 } as const
const WRONG_AIR = { aerosol: 'continental', aotError: 0.1 } as const

function sceneSection(): string {
  const wrong = compareWithSurfaceReference(WRONG_AIR)
  const maritime = compareWithSurfaceReference({ aerosol: 'maritime', aotError: 0 })
  return table(
    [
      'band',
      'path, median',
      ...GROUNDS.map((rho) => `d at ${rho.toFixed(2)}`),
      'goals at .02, .40',
      'missed',
      'AOT + 0.1: missed',
      'maritime: d at .05, .40',
    ],
    compareWithSurfaceReference(AIR).map((comparison, i) => {
      const { band, path, deviations } = comparison
      const missed = failuresOf(comparison)
      const wrongMissed = wrong[i] === undefined ? [] : failuresOf(wrong[i])
      const ofMaritime = (k: number) => f4(medianOf(maritime[i]?.deviations[k] ?? []))
      return [
        band,
        f4(medianOf(path)),
        ...deviations.map((d) => f4(medianOf(d))),
        `${f4(limitAt(band, 0.02) ?? NaN)}, ${f4(limitAt(band, 0.4) ?? NaN)}`,
        missed.length === 0 ? '-' : missed.join(', '),
        wrongMissed.length === 0 ? '-' : wrongMissed.join(', '),
        `${ofMaritime(1)}, ${ofMaritime(4)}`,
      ]
    }),
  )
}

/** Absorption of ozone in S2A B03, per atm-cm: in rows of 6S, and the cross-sections that Anderson et al. (1992, Geophys. Res. Lett. 19, 933) and Burkholder and Talukdar (1994, Geophys. Res. Lett. 21, 581) measured, at 229 K. */
const [OZONE_OF_6S, OZONE_MEASURED] = [0.0907, 0.1056]

/** What is left in B03 at the brightest ground with ozone as it was measured. */
function measuredOzone(): string {
  const ozoneFactor = OZONE_MEASURED / OZONE_OF_6S
  const green = compareWithSurfaceReference({ ...AIR, ozoneFactor }).find(({ band }) => band === 'B03')
  return f4(medianOf(green?.deviations.at(-1) ?? []))
}

/** Cells on which masks of the reference scenes are decided, pixels along an edge. */
const CLOUD_SIDES = [1, 2, 4, 8]

function cloudSection(): string {
  const runs = cloudScenes().flatMap((scene) => CLOUD_SIDES.map((side) => compareClouds(scene, side)))
  const two = (value: number | undefined) => (value ?? NaN).toFixed(3)
  const rowOf = (name: string, group: ReturnType<typeof compareClouds>[]): string[] => {
    const mean = (of: (run: ReturnType<typeof compareClouds>) => number | undefined) =>
      two(group.reduce((sum, run) => sum + (of(run) ?? NaN), 0) / group.length)
    return [
      name,
      String(group[0]?.cellM),
      mean((r) => r.kappa),
      mean((r) => r.f1[2]),
      mean((r) => r.f1[0]),
      mean((r) => r.dilatedRecall),
      percent(group.reduce((sum, r) => sum + r.clearLost, 0) / group.length),
    ]
  }
  const first = runs.filter((r) => r.cellM === runs[0]?.cellM)
  return table(
    ['scene', 'cells, m', 'kappa', 'F1 cloud', 'F1 shadow', 'dilated: recall of cloud', 'clear lost'],
    [
      ...runs.map((run) => rowOf(run.scene, [run])),
      rowOf('mean', first),
      ['asked for', '', '0.740, each 0.700', '0.800', '0.650', '0.970', 'to be told'],
    ],
  )
}

/** What of the page takes minutes, because whole scenes are simulated and corrected, or photons followed. */
export interface SimulatedParts {
  /** Tables of simulated chains. */
  readonly chains: string
  /** Coverage of the product's standard deviations over two dates. */
  readonly coverage: string
  /** The path through haze by photons. */
  readonly photons: string
}
/** What stands before and after each of them. */
const AROUND = {
  photons: ['Path reflectance without gases.\n\n', '\n\n## Bands\n'],
  chains: ['with the truth of level ground.\n\n', '\n\nHow to read them. '],
  coverage: ['where the error of all pixels has one sign.\n\n', '\n\n## Clouds and shadows of one date'],
} as const

/** The parts of a page that take minutes. */
export function simulatedPartsOf(page: string): SimulatedParts {
  const part = ([before, after]: readonly [string, string]) => {
    const [from, to] = [page.indexOf(before), page.indexOf(after)]
    if (from < 0 || to < from)
      throw new Error(`The page on accuracy lacks '${before.trim()}': write it anew with --write.`)
    return page.slice(from + before.length, to)
  }
  return { chains: part(AROUND.chains), coverage: part(AROUND.coverage), photons: part(AROUND.photons) }
}

/**
 * The page as text. Needs the reference data beside the checkout; the same data give the same bytes.
 * @param known parts that take minutes; default: made.
 */
export async function accuracyReport(known?: SimulatedParts): Promise<string> {
  if (!hasReferenceTable || !hasSurfaceReference || !hasLandsatPair || !hasCloudReference)
    throw new ProcessingError(
      'NOT_FOUND',
      `No reference data at ${RT_REFERENCE} and beside it; put shared/data next to the checkout and try again.`,
    )
  const rows = readSixsRows()
  const errors = rows.filter(isDeliveredRow).map((row) => errorsOf(row))
  const thin = errors.filter((e) => e.row.aot550 <= 0.4)
  return `# Accuracy of the atmospheric correction

Made by \`tilth bench accuracy --write\`; do not edit. Reflectance has the unit 1. Deviations are ours minus reference.

## What these numbers are and are not
Up to the scene of Landsat they are the errors of the radiative transfer alone: aerosol, water vapour and ozone are given their true values; the last part, simulated chains, has all errors together. Wrong inputs cost
more: 0.05 of AOT changes dark ground by 0.004 in B02 and 0.002 in B8A; 0.3 g/cm2 of vapour change B08 by 0.9 %; 40 DU of ozone B03 by 0.8 %.
The ground is taken as flat, uniform and Lambertian. Scattering comes from our own solver and was not fitted to anything here; the gas absorption was
fitted to these same rows, so its lines show the quality of the fit, not of a prediction. The table of 6S ends at a sun zenith of
60 degrees, an AOT of 0.8 and 1 km of altitude; beyond that nothing here is measured, and pixels with the sun beyond 70 degrees are flagged.

## Signal model: equation 2 with the table's own terms
6SV2.1, ${rows.length} states of S2A, S2B and Landsat 8, grounds 0.05, 0.2 and 0.5: how far the model can be right at all.

${closureSection(rows)}

## Goals
The same states: continental and maritime aerosol, sun zenith 20, 40, 60, view 0 and 8 degrees, sea level and 1 km, AOT 0.05 to 0.8. Each band of each
platform has to meet a goal by itself; Rayleigh path and gases in all bands, the rest in those that are delivered.

${acceptanceSection(rows)}

6S puts a response that does not begin on its grid of 2.5 nm at the nearest point of it: S2A B02 by 1 nm too far, S2B B01 and OLI B2 by 1 nm too low. That changes the Rayleigh optical depth of its
rows by up to 0.9 %; ours has the responses where they are, and the last columns show what remains when they are moved alike. What remains of the Rayleigh path is the column of air: that of 6S is 0.5 %
deeper than the formula of Hansen and Travis (1974), which ours follows, told from the bands of S2C, which all lie on the grid. What remains of the path at an AOT of 0.8 is
of 6S: photons that are followed one by one through the same particles, without any of what solvers have in common, come out where ours does.

Sentinel-2A B8A, seen from straight above at sea level, ${PHOTONS / 1e6} million photons for each state, light not polarised. ${AROUND.photons[0]}${known?.photons ?? (await photonSection(rows))}${AROUND.photons[1]}AOT up to 0.4, RMS unless told otherwise; surface reflectance over grounds of 0.05, 0.20 and 0.50 with every term ours, gases included.

${bandSection(thin)}

## Where the error lies
Surface reflectance over ground of 0.05, RMS.

${stateSection(errors)}

## Air found under 6S
Scenes of 5 km of dark vegetation (red 0.02 to 0.05 and blue as the method expects it, near infrared 0.2 to 0.5), seen straight from above by Sentinel-2A through the air of the table: both aerosols, sun zenith 20, 40, 60, sea level and 1 km,
1 and 3 g/cm2. AOT and vapour are found in the scene; aerosol and ozone are given. Each scene counts with the cell that is farthest off. Goals: AOT within 0.03 + 0.05 AOT, vapour within 3 %.

${closedLoopSection(rows)}

## A scene under another code
Sentinel-2A, tile 53JQJ, 2020-10-31 (Simpson desert): wagl of Geoscience Australia, MODTRAN 6 with DISORT (8 streams, no polarisation), rural aerosol; AOT 0.096, 1.28 g/cm2, 306 DU given to
both. The signal of grounds from 0.02 to 0.40 is built with the path, transmittance and albedo that wagl stored for each pixel, and inverted by us. d: median over the
pixels of ours minus the ground. Goals: |d| at most 0.002 at 0.02 and 0.05 (B11 0.004), 2 % at 0.40 (B01, B06 3.5 %; B11, B12 5.5 %), path within ${PATH_LIMIT}. The same with 0.1 more AOT has to miss them.
MODTRAN leaves polarisation out. With the sensor on the sun's side, as here, it makes the path of air brighter: our solver with polarisation switched off is darker by 0.0046 at 443 nm, 0.0026 at 488 nm and
0.0003 at 670 nm. Left out in ours too, the path would be -0.0014 (B01) and -0.0011 (B02) from MODTRAN's: what is missed in them is that light.
B03 at 0.40 is a matter of ozone: ours absorbs ${OZONE_OF_6S} per atm-cm there, as in 6S, whose rows the gases were fitted to; measured were ${OZONE_MEASURED} (Anderson et al. 1992; Burkholder and Talukdar 1994). With that
d at 0.40 would be ${measuredOzone()}, and the gases of B03 up to 0.012 from 6S (goal 0.005) instead of 0.0001. They stay those of 6S: if the measurements hold, 300 DU leave green ground 0.9 % too dark.

${sceneSection()}

## A Landsat scene corrected by USGS
Landsat-8, 017/051, 2015-12-05 (Momotombo, Nicaragua), a crop of 7 x 10 km: level 2 of USGS (LaSRC) against our correction of the same level 1. Clear
vegetation, told from level 1 alone (blue at the sensor < 0.145, 8 pixels from what is not, NDVI > 0.3); water apart. AOT is given, not retrieved, and nobody measured it: four
guesses; ${PAIR_ATMOSPHERE.wv} g/cm2 and ${PAIR_ATMOSPHERE.ozone} DU are usual for the place and month, the ground is taken at ${PAIR_ATMOSPHERE.altitudeM} m. Angles are computed, as the crop has none. LaSRC finds its own aerosol; it is no
truth either. What holds without the right AOT: the shortwave infrared; in the blue 0.1 of AOT moves the result by 0.01.

${await pairSection('land')}

Water, as far from clouds: NDVI < 0 and less than 0.05 in B6 at the sensor, which leaves out shadows over land. The lake is brighter in the blue at the sensor than the land beside it; LaSRC leaves 21 % of these
pixels below 0 in B02. Light from beside is not taken off by us.

${await pairSection('water')}

### With our own AOT
The same pixels, AOT and aerosol found in the crop by the method of the product (cells of 240 m, no chain: vegetation's red against 2.2 um and blue against red). Each pixel is corrected with the AOT around it, as in the product, and light from beside is left in, as LaSRC leaves it; the AOT stated is the mean.

${await ownAirSection()}

## Standard deviations
Files \`_sigma.tif\` (docs/products.md) claim that the truth of two pixels in three lies within them. Whether they hold, 68 % +- 8, is judged on the simulated chains at the end.

Self-consistency, which is no measure of accuracy: ${COVERAGE_SCENES} invented scenes of 5 km, each under another sun (25 to 60 degrees), AOT (0.05 to 0.6),
vapour (0.8 to 4 g/cm2) and aerosol (continental with up to a half of maritime, urban or desert, which the retrieval does not know as mixes), over vegetation and soil whose ratios of blue to red and red to 2.2 um differ from place to place; everything is
found in the image, and pixels have noise. Radiative transfer is the same on both sides and nothing shines in from beside: those errors are not in here. All pixels of a scene share its air, so these are ${COVERAGE_SCENES} samples.

${selfConsistencySection()}

Two dates of the simulator, whose radiative transfer, gases and spectra of ground are its own: its aerosol is continental, its fields have more blue than the method expects, so that AOT is too high everywhere, and it makes no light from beside, which sigma
allows for. One landscape under two skies, corrected whole: no goal, but what to expect of a single date, ${AROUND.coverage[0]}${known?.coverage ?? (await productCoverageSection())}${AROUND.coverage[1]}
Two scenes with masks that people and a network of DLR made (ukis-csmask, \`shared/data/cloud-reference\`): reflectance at the sensor in six bands, pixels of about 30 m; no angles, cirrus band, altitudes or other dates,
so the direction of shadows is guessed from the image. All pixels are scored; snow, water and land are one class, clear. One set of parameters, chosen on these two scenes: on others it may do worse. The reference is no
truth either: that of the Landsat scene has straight edges where its parts were put together, and calls haze cloud in one place and not in another. "Dilated" is bit 0 with 120 m around clouds and 60 m around shadows.
Decided on coarser cells, scored on the pixels (masks are made on cells of 60 m where pixels allow it):

${cloudSection()}

## Simulated chains
Eight dates of Sentinel-2A, 10 days apart, AOT 0.05 to 0.6 at sea level, 18 km with 1508 m of relief in pixels of 30 m (bands of 20 and 60 m: 60 and 180 m), broken clouds in two decks, cirrus; corrected one after the other by
the product's own pipeline, with slopes and light from beside taken off. Scored is what the truth calls clear: no cloud or shadow above a thickness of 0.1, no cirrus above 0.02; clouds count from 0.3 on, 0.1 to 0.3 is not scored. "Isolated"
shadows touch nothing else and have at least 20 pixels. No row here is a matched run: the simulator shares no code with the processors (\`test/simulator/dependencies.test.ts\`), and makes what they are not told of ([simulator](simulator.md)):
its own solver of scattering (scalar aerosol) and gases, aerosol that thins out over 1.6 km, light from beside by single scattering, slopes by triangles with a bright sky around the sun, elevation wrong by 5 m (correlated over 60 m), images
displaced by 0.3 pixels, ground that reflects by direction, bands calibrated to 2 %, blue and short-wave infrared against red scattered by 15 % from field to field, ground that changes by 6 % and in patches by 30 % from date to date, ozone
told wrong by 8 DU. Optics of the continental aerosol and absorption of gases are the same published numbers as the processors', so what is known of the aerosol is its kind. The mix is half continental, half maritime; the processor takes the mean of those of its models that the image does not speak against. Smoke has the albedo and
asymmetry of Dubovik et al. (2002) and a phase function that no model of the processor has.
Reflectance of \`sre\` is compared with the truth as the slopes are lit, that of \`fre\` ${AROUND.chains[0]}${known?.chains ?? (await simulatedSection())}${AROUND.chains[1]}Elevation wrong by 5 m over 60 m turns the slope of four neighbours by 5 degrees, which alone left 4.4 % of
relief in \`fre\`; planes over 240 m, laid because the error is told, leave the 2 % above. Vapour misses by the calibration of B8A against B09 and by ground that is not grey between them. AOT is too high by
0.02 to 0.03 where nothing is unknown: vegetation has more blue than the method expects, and a search that is given the true colours of the ground is off by 0.005 at most ([decision 0026](decisions/0026-chains-that-know-more.md)). The scattered
ratios of blue to red lower it on average here, and so does light from beside by 0.01, because the simulator's ground around reflects alike in all directions and the ground itself does not. Where nobody tells the aerosol it is the mean of those that the image does not speak against
([decision 0029](decisions/0029-mean-of-aerosols.md)).
Standard deviations assume that the ground's colours leave 0.05 of AOT open and that the aerosol may be a mix with another model ([decision 0027](decisions/0027-standard-deviations.md)): what the air may be besides
counts as much as the image speaks for it. Single bands depart from 68 % far more than their mean: each has its own error of calibration, the same in all three chains, which is not in them. AOT errs less from the second date on, because the chain knows each cell's ratio of blue to red then
([decision 0021](decisions/0021-air-from-the-image.md)).
`
}

/**
 * Prints the page, or with `table` what another table of 6S runs says; with `write`, replaces docs/accuracy.md below the checkout.
 * @throws ProcessingError NOT_FOUND without reference data, BAD_ARGUMENT for a table that cannot be read.
 */
export async function run({
  write = false,
  table: path,
}: { readonly write?: boolean; readonly table?: string } = {}): Promise<void> {
  if (path !== undefined) {
    process.stdout.write(tableReport(path))
    return
  }
  const report = await accuracyReport()
  const page = join(process.env['TILTH_ROOT'] ?? process.cwd(), 'docs/accuracy.md')
  process.stdout.write(report)
  if (write) writeFileSync(page, report)
  else if (readFileSync(page, 'utf8') !== report)
    process.stderr.write(`${page} differs; write it anew with --write.\n`)
}
