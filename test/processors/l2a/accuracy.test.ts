import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { accuracyReport, simulatedPartsOf } from '../../../bench/accuracy.js'
import { medianOf, spreadOf } from '../../../bench/accuracy-measures.js'
import { compareWithUsgs, hasLandsatPair } from '../../../bench/landsat-reference.js'
import { hasReferenceTable } from '../../../bench/reference-table.js'
import { failuresOf } from '../../../bench/surface-limits.js'
import { compareWithSurfaceReference, hasSurfaceReference } from '../../../bench/surface-reference.js'
import { L2A_BANDS } from '../../../src/domain/band-choice.js'

test.skipIf(!hasReferenceTable || !hasSurfaceReference || !hasLandsatPair)(
  'docs/accuracy.md holds what is measured now (`tilth bench accuracy --write`), but for what is simulated, which takes minutes',
  async () => {
    const page = readFileSync(join(resolve(import.meta.dirname, '../../..'), 'docs/accuracy.md'), 'utf8')
    const known = simulatedPartsOf(page)
    expect(known.chains).toMatch(/^\|[\s\S]*smoke/)
    expect(known.photons).toMatch(/^\| aerosol[\s\S]*maritime/)
    expect(known.coverage).toMatch(/^\| band[\s\S]*B12/)
    expect(page).toBe(await accuracyReport(known))
  },
)

test.skipIf(!hasSurfaceReference)(
  'under MODTRAN every ground comes out within the usual specification, and an AOT wrong by 0.1 is found out',
  () => {
    const bands = compareWithSurfaceReference({ aerosol: 'continental', aotError: 0 })
    expect(new Set(bands.map((b) => b.band))).toEqual(new Set(L2A_BANDS))
    for (const { band, deviations } of bands) {
      expect(deviations[0]!.length, band).toBeGreaterThan(150)
      // 0.05 rho + 0.005 (MODIS and ACIX).
      for (const [i, rho] of [0.02, 0.05, 0.1, 0.2, 0.4].entries())
        expect(Math.abs(medianOf(deviations[i]!)), `${band} at ${rho}`).toBeLessThanOrEqual(
          0.05 * rho + 0.005,
        )
    }
    for (const wrong of compareWithSurfaceReference({ aerosol: 'continental', aotError: 0.1 }))
      if (!/B1[12]/.test(wrong.band)) expect(failuresOf(wrong).length, wrong.band).toBeGreaterThan(0)
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
    // LaSRC's own specification is 0.005 + 0.05 rho (Vermote et al. 2016); double that in the blue.
    expect(rms('B02', 0)).toBeLessThan(0.013)
    for (const band of ['B03', 'B04']) expect(rms(band, 0), band).toBeLessThan(0.008)
    expect(rms('B05', 1)).toBeLessThan(0.01)
    for (const band of ['B06', 'B07']) expect(Math.max(rms(band, 0), rms(band, 1)), band).toBeLessThan(0.01)
    // A wrong AOT must show.
    expect(rms('B02', 2)).toBeGreaterThan(0.018)
  },
)
