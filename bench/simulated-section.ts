import type { L2aBand } from '../src/domain/band-choice.js'
import {
  addSums,
  biasOf,
  rmsOf,
  unevenness,
  unevennessWithin,
  type BandScore,
  type DateScore,
  type Sums,
} from './chain-scores.js'
import { f1Of, type Agreement } from './mask-scores.js'
import { ALL_UNKNOWNS, runChain, SKIES, type ChainSetup } from './simulated-chain.js'
import { isolatedShadowTable } from './isolated-shadows.js'
import { markdownTable } from './markdown-table.js'

/** Groups of bands that have one goal. */
const SHORT: readonly L2aBand[] = ['B01', 'B02', 'B03', 'B04']
const LONG: readonly L2aBand[] = ['B05', 'B06', 'B07', 'B08', 'B8A', 'B11', 'B12']

/** Edge of the images, m: of the chains, and of the ablation. */
const [CHAIN_M, ABLATION_M] = [18_000, 12_000]

/** Chains with goals: share of B01-B04 and of B05-B12, AOT. Null: told, not judged. */
const CHAINS: readonly {
  readonly name: string
  readonly aerosol: 'continental' | 'mixed' | 'smoke'
  readonly parameters: ChainSetup['parameters']
  readonly goals: readonly [number, number, number] | null
  readonly aotGoal: number
}[] = [
  {
    ...{ name: 'known aerosol', aerosol: 'continental', parameters: { aerosol: 'continental' } },
    ...{ goals: [0.75, 0.95, 0.05], aotGoal: 0.05 },
  },
  {
    ...{ name: 'unknown 50/50 mix', aerosol: 'mixed', parameters: {} },
    ...{ goals: [0.7, 0.9, 0.05], aotGoal: 0.05 },
  },
  { ...{ name: 'smoke', aerosol: 'smoke', parameters: {} }, ...{ goals: null, aotGoal: 0.08 } },
]

/** One standard deviation of a normal distribution, and how far off it may be. */
const COVERAGE = { share: 0.68, within: 0.08 }

const percent = (value: number, digits = 1): string => `${(100 * value).toFixed(digits)} %`
const f3 = (value: number): string => (Number.isNaN(value) ? '-' : value.toFixed(3))

const summed = (all: readonly Sums[]): Sums => all.reduce(addSums, { n: 0, sum: 0, squares: 0 })
const agreed = (all: readonly Agreement[]): number =>
  f1Of(all.reduce((a, b) => ({ both: a.both + b.both, either: a.either + b.either })))

/** Share of the clear pixels of some bands within 0.005 + 5 %, over dates: each band counts alike. */
function shareWithin(
  scores: readonly DateScore[],
  bands: readonly L2aBand[],
  of: (score: DateScore, band: L2aBand) => BandScore | undefined,
): number {
  const shares = bands.map((band) => {
    const all = scores.map((score) => of(score, band))
    return sumOf(all.map((b) => b?.within ?? 0)) / sumOf(all.map((b) => b?.n ?? 0))
  })
  return sumOf(shares) / shares.length
}

/** The same of the pixels whose truth lies within the standard deviation that their file states. */
function shareWithinSigma(
  scores: readonly DateScore[],
  bands: readonly L2aBand[],
  of: typeof asLevel = asLit,
): number {
  const shares = bands.map((band) => {
    const all = scores.map((score) => of(score, band))
    return sumOf(all.map((b) => b?.sigma?.within ?? NaN)) / sumOf(all.map((b) => b?.n ?? NaN))
  })
  return sumOf(shares) / shares.length
}
const sumOf = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)
const asLit = (score: DateScore, band: L2aBand) => score.bands[band]
const asLevel = (score: DateScore, band: L2aBand) => score.level?.[band]

function goalRows(
  { name, goals, aotGoal }: (typeof CHAINS)[number],
  scores: readonly DateScore[],
): string[][] {
  const row = (measure: string, goal: string, value: string, isMet: boolean | null) => [
    ...[name, measure, goal, value],
    isMet === null ? '' : isMet ? 'yes' : '**no**',
  ]
  const least = (measure: string, goal: number | null, value: number, digits = 1) =>
    row(
      measure,
      goal === null ? 'told' : `>= ${percent(goal, 0)}`,
      percent(value, digits),
      goal === null ? null : value >= goal,
    )
  const most = (measure: string, goal: number, value: number, unit = '') =>
    row(measure, `<= ${goal}${unit}`, `${f3(value)}${unit}`, value <= goal)
  const covered = (bands: readonly L2aBand[], label: string) => {
    const share = shareWithinSigma(scores, bands)
    const isMet = Math.abs(share - COVERAGE.share) <= COVERAGE.within
    return row(`sre within its sigma, ${label}`, '68 % +- 8', percent(share), isMet)
  }
  const levelled = (bands: readonly L2aBand[], label: string) =>
    row(`fre within its sigma, ${label}`, 'told', percent(shareWithinSigma(scores, bands, asLevel)), null)
  const masks = scores.map((s) => s.masks)
  const [f1Cloud, f1Shadow] = [agreed(masks.map((m) => m.cloud)), agreed(masks.map((m) => m.shadow))]
  const count = (of: 'shadows' | 'foundShadows' | 'nearShadows') => sumOf(masks.map((m) => m[of]))
  const [objects, found, near] = [count('shadows'), count('foundShadows'), count('nearShadows')]
  const slopes = scores.map((s) => s.slopes.fre)
  const within = unevennessWithin(slopes)
  return [
    least('sre within 0.005 + 5 %, B05-B12', goals?.[1] ?? null, shareWithin(scores, LONG, asLit)),
    least('sre within 0.005 + 5 %, B01-B04', goals?.[0] ?? null, shareWithin(scores, SHORT, asLit)),
    least('fre within 0.005 + 5 %, B05-B12', null, shareWithin(scores, LONG, asLevel)),
    least('fre within 0.005 + 5 %, B01-B04', null, shareWithin(scores, SHORT, asLevel)),
    covered(LONG, 'B05-B12'),
    covered(SHORT, 'B01-B04'),
    levelled(LONG, 'B05-B12'),
    levelled(SHORT, 'B01-B04'),
    most('AOT, RMSE', aotGoal, rmsOf(summed(scores.map((s) => s.aot)))),
    most('water vapour, RMSE', 0.15, rmsOf(summed(scores.map((s) => s.wv))), ' g/cm2'),
    row('F1 of clouds', '>= 0.95', f3(f1Cloud), f1Cloud >= 0.95),
    row('F1 of shadows', '>= 0.85', f3(f1Shadow), f1Shadow >= 0.85),
    row(
      `shadows found within 120 m, of ${objects} isolated`,
      '>= 80 %',
      objects === 0 ? '-' : percent(near / objects, 0),
      objects === 0 ? null : near >= 0.8 * objects,
    ),
    row('the same of those of which anything was found', 'told', `${near} of ${found}`, null),
    row('std(fre / truth) / mean on slopes of a date, B8A', '<= 2 %', percent(within), within <= 0.02),
    row('the same over all dates, their air included', 'told', percent(unevenness(summed(slopes))), null),
  ]
}

function dateRows(name: string, scores: readonly DateScore[]): string[][] {
  return scores.map((score, i) => [
    ...[name, score.date, SKIES[i]?.aot.toFixed(2) ?? '', score.aerosol, percent(score.clear, 0)],
    percent(shareWithin([score], SHORT, asLit)),
    percent(shareWithin([score], LONG, asLit)),
    percent(shareWithinSigma([score], SHORT), 0),
    percent(shareWithinSigma([score], LONG), 0),
    ...[
      `${f3(biasOf(score.aot))}, ${f3(rmsOf(score.aot))}`,
      `${f3(biasOf(score.wv))}, ${f3(rmsOf(score.wv))}`,
    ],
    ...[f3(f1Of(score.masks.cloud)), f3(f1Of(score.masks.shadow))],
  ])
}

function bandRows(chains: readonly (readonly DateScore[])[]): string[][] {
  return [...SHORT, ...LONG].map((band) => [
    band,
    ...chains.flatMap((scores) => {
      const all = summed(scores.map((s) => s.bands[band].deviation))
      const variance = sumOf(scores.map((s) => s.bands[band].sigma?.squares ?? NaN)) / all.n
      return [
        ...[percent(shareWithin(scores, [band], asLit)), biasOf(all).toFixed(4), rmsOf(all).toFixed(4)],
        ...[Math.sqrt(variance).toFixed(4), percent(shareWithinSigma(scores, [band]), 0)],
      ]
    }),
  ])
}

/** What is switched off in turn, by what it is called. */
type Change = Partial<Pick<ChainSetup, 'demErrorM' | 'ozoneErrorDu' | 'airVariation' | 'parameters'>> & {
  readonly unknowns?: ChainSetup['unknowns']
}
const NOTHING_UNKNOWN = {
  ...{ aerosolScaleHeightM: 2000, slopes: true, adjacency: false, directional: false },
  ...{ calibration: 0, jitterPx: 0, spectra: 0, change: 0 },
} as const
const ABLATION: readonly (readonly [string, Change])[] = [
  ['all mismatches', {}],
  ['elevation exact', { demErrorM: 0 }],
  ['ozone told exactly', { ozoneErrorDu: 0 }],
  ['no displacement', { unknowns: { ...ALL_UNKNOWNS, jitterPx: 0 } }],
  ['ground reflects alike in all directions', { unknowns: { ...ALL_UNKNOWNS, directional: false } }],
  ['bands calibrated', { unknowns: { ...ALL_UNKNOWNS, calibration: 0 } }],
  ['one ratio of blue to red for each kind of ground', { unknowns: { ...ALL_UNKNOWNS, spectra: 0 } }],
  ['ground does not change but by season', { unknowns: { ...ALL_UNKNOWNS, change: 0 } }],
  [
    'no light from beside, and none taken off',
    {
      unknowns: { ...ALL_UNKNOWNS, adjacency: false },
      parameters: { aerosol: 'continental', adjacency: false },
    },
  ],
  ['aerosol thins out over 2 km, as assumed', { unknowns: { ...ALL_UNKNOWNS, aerosolScaleHeightM: 2000 } }],
  ['air alike everywhere', { airVariation: 0 }],
  [
    'none of these',
    {
      unknowns: NOTHING_UNKNOWN,
      ...{ demErrorM: 0, ozoneErrorDu: 0, airVariation: 0 },
      parameters: { aerosol: 'continental', adjacency: false },
    },
  ],
]
/** Two dates without clouds: thin air, then haze. */
const ABLATION_SKIES = [0, 3].map((i, n) => ({
  ...(SKIES[i] ?? SKIES[0]!),
  ...{ date: n === 0 ? '2025-05-10' : '2025-05-20', clouds: 0, cirrus: 0 },
}))

async function ablationRows(): Promise<string[][]> {
  const rows: string[][] = []
  for (const [name, change] of ABLATION) {
    const scores = await runChain({
      ...{
        skies: ABLATION_SKIES,
        extentM: ABLATION_M,
        unknowns: ALL_UNKNOWNS,
        demErrorM: 5,
        airVariation: 0.3,
      },
      parameters: { aerosol: 'continental' },
      ...change,
    })
    rows.push([
      name,
      percent(shareWithin(scores, SHORT, asLit)),
      percent(shareWithin(scores, LONG, asLit)),
      percent(shareWithin(scores, SHORT, asLevel)),
      percent(shareWithin(scores, LONG, asLevel)),
      ...scores.map((s) => f3(biasOf(s.aot))),
      f3(rmsOf(summed(scores.map((s) => s.aot)))),
      f3(rmsOf(summed(scores.map((s) => s.wv)))),
      percent(unevenness(summed(scores.map((s) => s.slopes.fre)))),
    ])
  }
  return rows
}

/** The part of docs/accuracy.md on simulated chains: about nine minutes of CPU. */
export async function simulatedSection(): Promise<string> {
  return `${describeChains(await measureChains(), await ablationRows())}

Isolated shadows alone: masks of six dates of 48 km on cells of 60 m with a tenth of the sky under clouds, the same mismatches without light from beside. A shadow of at least 20 cells that nothing else touches is mostly that of a thin
cloud: the larger it is the likelier it meets another. From date to date the light of places as large as these varies by a twentieth, after what growing fields do is taken off, and a cloud of thickness 0.5 takes a twelfth of it.

${isolatedShadowTable()}`
}

async function measureChains(): Promise<DateScore[][]> {
  const chains: DateScore[][] = []
  for (const { aerosol, parameters } of CHAINS)
    chains.push(
      await runChain({
        ...{ skies: SKIES, extentM: CHAIN_M, demErrorM: 5, airVariation: 0.3 },
        parameters: { ...parameters, uncertainty: true },
        unknowns: { ...ALL_UNKNOWNS, aerosol },
      }),
    )
  return chains
}

/** The tables of scores of `CHAINS` in their order, and of the rows of the ablation. */
export function describeChains(
  chains: readonly (readonly DateScore[])[],
  ablation: readonly (readonly string[])[],
): string {
  const each = CHAINS.map((chain, i) => ({ chain, scores: chains[i] ?? [] }))
  return `${markdownTable(
    ['chain', 'measure', 'goal', 'measured', 'met'],
    each.flatMap(({ chain, scores }) => goalRows(chain, scores)),
  )}

By date. AOT and water vapour: bias and RMSE over clear ground; the AOT stated is that at sea level, the ground lies up to 1660 m above.

${markdownTable(
  [
    'chain',
    'date',
    'AOT',
    'aerosol taken',
    'clear',
    'B01-B04',
    'B05-B12',
    'within sigma, B01-B04',
    'B05-B12',
    'AOT',
    'vapour',
    'F1 cloud',
    'F1 shadow',
  ],
  each.flatMap(({ chain, scores }) => dateRows(chain.name, scores)),
)}

By band, \`sre\` over all dates:

${markdownTable(
  ['band', ...CHAINS.flatMap(({ name }) => [`${name}: within`, 'bias', 'RMS', 'sigma, RMS', 'within sigma'])],
  bandRows(chains),
)}

What each mismatch costs: two dates without clouds (AOT ${ABLATION_SKIES.map(({ aot }) => aot).join(', then ')}), ${ABLATION_M / 1000} km, known aerosol; one after the other is switched off, the others stay.

${markdownTable(
  [
    ...['switched off', 'sre B01-B04', 'sre B05-B12', 'fre B01-B04', 'fre B05-B12'],
    ...['AOT bias, first', 'second', 'AOT RMSE', 'vapour RMSE', 'fre on slopes'],
  ],
  ablation,
)}`
}
