import { BETTER, DEFAULT_AEROSOL } from '../src/processors/l2a/choose-aerosol.js'
import { spreadOf } from './accuracy-measures.js'
import { compareWithUsgs, findForPair, type LandsatComparison, type PairGround } from './landsat-reference.js'
import { markdownTable as table } from './markdown-table.js'

const f4 = (value: number): string => value.toFixed(4)
const meanOf = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / values.length

/** Atmospheres under which the pair of USGS is corrected. */
const PAIR_RUNS = [
  { aerosol: 'continental', aot: 0.05 },
  { aerosol: 'continental', aot: 0.1 },
  { aerosol: 'continental', aot: 0.2 },
  { aerosol: 'maritime', aot: 0.1 },
] as const

/** Bias and RMS under each atmosphere. */
const missesOf = ({ reference, ours }: LandsatComparison) =>
  ours.map((values) => spreadOf(values.map((v, i) => v - (reference[i] ?? NaN))))
const biasAndRms = (comparison: LandsatComparison): string[] =>
  missesOf(comparison).flatMap(({ bias, rms }) => [f4(bias), f4(rms)])

/** One kind of ground under AOTs that are given. */
export async function pairSection(ground: PairGround): Promise<string> {
  return table(
    [
      ...['band', 'pixels', 'of the crop', 'mean at sensor', 'mean USGS'],
      ...PAIR_RUNS.flatMap((r) => [`${r.aerosol} ${r.aot}: bias`, 'RMS']),
    ],
    (await compareWithUsgs(PAIR_RUNS, ground)).map((comparison) => [
      ...[comparison.band, String(comparison.reference.length), `${(100 * comparison.share).toFixed(1)} %`],
      ...[f4(meanOf(comparison.toa)), f4(meanOf(comparison.reference))],
      ...biasAndRms(comparison),
    ]),
  )
}

/** Goals for own AOT over clear land: RMS by band. */
const OWN_GOALS: Readonly<Record<string, number>> = {
  B02: 0.013,
  B03: 0.008,
  B04: 0.008,
  B05: 0.01,
  B06: 0.01,
  B07: 0.01,
}

/** The pair with AOT and aerosol of our own finding, land and water apart; each pixel under the AOT found around it, as in the product. */
export async function ownAirSection(): Promise<string> {
  const ways = ['auto', 'continental', 'maritime'] as const
  const found = await Promise.all(ways.map((way) => findForPair(way)))
  const airs = found.map(({ aerosol, air }) => ({ aerosol, aot: air }))
  const head = ways.flatMap((way, i) => [
    `${way === 'auto' ? `own choice (${found[i]?.aerosol ?? ''})` : way}, AOT ${meanOf([...(airs[i]?.aot.aot ?? [])]).toFixed(2)}: bias`,
    'RMS',
  ])
  const land = (await compareWithUsgs(airs, 'land')).map((comparison) => {
    const { [comparison.band]: goal } = OWN_GOALS
    const isMet = goal === undefined || (missesOf(comparison)[0]?.rms ?? NaN) <= goal
    return [comparison.band, ...biasAndRms(comparison), String(goal ?? '-'), isMet ? 'met' : 'missed']
  })
  const water = (await compareWithUsgs(airs, 'water')).map((comparison) => [
    comparison.band,
    ...biasAndRms(comparison),
  ])
  const { residuals = {}, evidence = {} } = found[0] ?? {}
  const tried = Object.entries(evidence).map(([name, { windows, ratio, low, high }]) => {
    const [least, most] = [low, high].map((value) => value?.toFixed(2) ?? '-')
    return `${name} ${f4(residuals[name] ?? NaN)}, ${ratio.toFixed(2)} (${least} to ${most}, ${windows} windows)`
  })
  return `${table(['band', ...head, 'goal RMS', 'own choice'], land)}

What each aerosol leaves unexplained here, and its ratio to ${DEFAULT_AEROSOL} over the windows in which both have an AOT, with two standard errors: ${tried.join('; ')}. Each counts by its residual in the mean that is taken (decision 0029); below ${BETTER} one would be told by the image. How much the aerosol absorbs decides the near infrared. LaSRC's own absorbs hardly any light, so that nearness to it says as much of that choice as of ours.

Water under the same air, for which no goal is set:

${table(['band', ...head], water)}`
}
