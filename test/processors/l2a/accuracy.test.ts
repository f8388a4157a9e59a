import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { accuracyReport } from '../../../bench/accuracy.js'
import { spreadOf } from '../../../bench/accuracy-measures.js'
import { compareWithUsgs, hasLandsatPair } from '../../../bench/landsat-reference.js'
import { hasReferenceTable } from '../../../bench/reference-table.js'
import { compareWithSurfaceReference, hasSurfaceReference } from '../../../bench/surface-reference.js'
import { L2A_BANDS } from '../../../src/processors/l2a/definition.js'

test.skipIf(!hasReferenceTable || !hasSurfaceReference || !hasLandsatPair)(
  'docs/accuracy.md holds what is measured now (`tilth bench accuracy --write`)',
  async () => {
    const page = readFileSync(join(resolve(import.meta.dirname, '../../..'), 'docs/accuracy.md'), 'utf8')
    expect(page).toBe(await accuracyReport())
  },
)

test.skipIf(!hasSurfaceReference)(
  'a scene corrected by MODTRAN and by us agrees within the usual specification in every band',
  () => {
    const bands = compareWithSurfaceReference('continental')
    expect(new Set(bands.map((b) => b.band))).toEqual(new Set(L2A_BANDS))
    for (const { band, deviations, reference } of bands) {
      expect(deviations.length, band).toBeGreaterThan(150)
      // 0.05 rho + 0.005 (MODIS and ACIX) for all pixels; on the mean, 0.0075: 6S-type codes and MODTRAN differ by .005-.01 where gases absorb.
      deviations.forEach((d, i) => {
        expect(Math.abs(d), band).toBeLessThanOrEqual(0.05 * reference[i]! + 0.005)
      })
      if (band !== 'B06') expect(Math.abs(spreadOf(deviations).bias), band).toBeLessThan(0.0075)
    }
  },
)

test.skipIf(!hasLandsatPair)(
  'a Landsat crop agrees with the level 2 of USGS where its aerosol is guessed right',
  async () => {
    const compared = await compareWithUsgs([
      { aerosol: 'continental', aot: 0.2 },
      { aerosol: 'maritime', aot: 0.1 },
      { aerosol: 'continental', aot: 0.4 },
    ])
    const rms = (band: string, run: number): number => {
      const { ours, reference } = compared.find((c) => c.band === band)!
      return spreadOf(ours[run]!.map((v, i) => v - reference[i]!)).rms
    }
    // LaSRC's own specification is 0.005 + 0.05 rho (Vermote et al. 2016); double that in the blue, where equation 5 alone costs 0.006.
    expect(rms('B02', 0)).toBeLessThan(0.013)
    for (const band of ['B03', 'B04']) expect(rms(band, 0), band).toBeLessThan(0.008)
    expect(rms('B05', 1)).toBeLessThan(0.01)
    for (const band of ['B06', 'B07']) expect(Math.max(rms(band, 0), rms(band, 1)), band).toBeLessThan(0.01)
    // A wrong AOT must show.
    expect(rms('B02', 2)).toBeGreaterThan(0.018)
  },
)
