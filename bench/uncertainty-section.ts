import { groupBy } from './accuracy-measures.js'
import { markdownTable as table } from './markdown-table.js'
import { measureCoverage } from './uncertainty.js'
import { measureProducts } from './uncertainty-products.js'

const f4 = (value: number): string => value.toFixed(4)
/** Invented scenes whose standard deviations are counted. */
export const COVERAGE_SCENES = 40

/** Of scenes whose radiative transfer is ours: self-consistency, which is held against no goal. */
export function selfConsistencySection(): string {
  const { bands, aotRms } = measureCoverage(COVERAGE_SCENES)
  const mean = [...bands.values()].reduce((sum, { within }) => sum + within, 0) / bands.size
  const whole = (value: number) => `${(100 * value).toFixed(0)} %`
  return `${table(
    ['band', 'truth within sigma', 'within 2 sigma', 'error, RMS', 'sigma, RMS'],
    [
      ...[...bands].map(([band, { within, within2, rms, sigma }]) => {
        return [band, whole(within), whole(within2), f4(rms), f4(sigma)]
      }),
      ['all', whole(mean), '', '', ''],
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
