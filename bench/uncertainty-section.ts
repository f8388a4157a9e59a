import { groupBy } from './accuracy-measures.js'
import { markdownTable as table } from './markdown-table.js'
import { measureCoverage } from './uncertainty.js'
import { measureProducts } from './uncertainty-products.js'

const f4 = (value: number): string => value.toFixed(4)
/** Invented scenes whose standard deviations are counted. */
export const COVERAGE_SCENES = 40
/** One standard deviation of a normal distribution, and how far off it may be. */
const COVERAGE_GOAL = { share: 0.68, within: 0.08 }

export function coverageSection(): string {
  const { bands, aotRms } = measureCoverage(COVERAGE_SCENES)
  const isMet = (share: number) => Math.abs(share - COVERAGE_GOAL.share) <= COVERAGE_GOAL.within
  const mean = [...bands.values()].reduce((sum, { within }) => sum + within, 0) / bands.size
  const whole = (value: number) => `${(100 * value).toFixed(0)} %`
  return `${table(
    ['band', 'truth within sigma', 'within 2 sigma', 'error, RMS', 'sigma, RMS', '68 % +- 8'],
    [
      ...[...bands].map(([band, { within, within2, rms, sigma }]) => [
        ...[band, whole(within), whole(within2), f4(rms), f4(sigma)],
        isMet(within) ? 'met' : 'missed',
      ]),
      ['all', whole(mean), '', '', '', isMet(mean) ? 'met' : 'missed'],
    ],
  )}

RMS of AOT over these scenes: ${aotRms.toFixed(3)}.`
}

export async function productCoverageSection(): Promise<string> {
  const all = await measureProducts()
  const aots = [...new Set(all.map(({ aot }) => aot))]
  return table(
    ['band', ...aots.flatMap((aot) => [`AOT ${aot}: within sigma`, 'error, RMS', 'sigma, RMS'])],
    [...groupBy(all, ({ band }) => band)].map(([band, group]) => [
      band,
      ...group.flatMap(({ within, rms, sigma }) => [`${(100 * within).toFixed(0)} %`, f4(rms), f4(sigma)]),
    ]),
  )
}
