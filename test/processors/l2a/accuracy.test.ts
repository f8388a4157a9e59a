import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { accuracyReport } from '../../../bench/accuracy.js'
import { spreadOf } from '../../../bench/accuracy-measures.js'
import { hasReferenceTable } from '../../../bench/reference-table.js'
import { compareWithSurfaceReference, hasSurfaceReference } from '../../../bench/surface-reference.js'
import { L2A_BANDS } from '../../../src/processors/l2a/definition.js'

test.skipIf(!hasReferenceTable || !hasSurfaceReference)(
  'docs/accuracy.md holds what is measured now (`tilth bench accuracy --write`)',
  () => {
    const page = readFileSync(join(resolve(import.meta.dirname, '../../..'), 'docs/accuracy.md'), 'utf8')
    expect(page).toBe(accuracyReport())
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
