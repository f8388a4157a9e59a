import { describe, expect, test } from 'vitest'
import { acceptance } from '../../../bench/acceptance.js'
import {
  errorsOf,
  groupBy,
  isCirrusRow,
  modelOnSixsGrid,
  spreadOf,
  tableClosure,
  tableForward,
} from '../../../bench/accuracy-measures.js'
import { hasReferenceTable, readSixsRows } from '../../../bench/reference-table.js'

const rows = hasReferenceTable ? readSixsRows() : []
const nameOf = (row: (typeof rows)[number]) => `${row.input.platform} ${row.input.band}`

describe.skipIf(!hasReferenceTable)('against 6SV2.1', () => {
  test("equation 2 with the table's own coefficients gives back the ground in every band", () => {
    const groups = groupBy(rows, nameOf)
    expect(groups.size).toBe(13 + 13 + 9)
    for (const [name, group] of groups) {
      // The band means of 6S do not multiply exactly: 8e-5. Where 2 % of the light passes (cirrus bands), six digits of rho_toa are left.
      expect(spreadOf(group.flatMap(tableClosure)).rms, name).toBeLessThanOrEqual(
        isCirrusRow(group[0]!) ? 4e-4 : 1e-4,
      )
      expect(spreadOf(group.flatMap(tableForward)).rms, name).toBeLessThanOrEqual(1e-4)
    }
  })

  test('the goals of the reference note are met where docs/accuracy.md says that they are', () => {
    const missedBy = (modelOf?: Parameters<typeof acceptance>[1]) =>
      acceptance(rows, modelOf)
        .filter((goal) => !goal.isMet)
        .map(({ what }) => what)
    // With the responses where 6S has them; why the last is missed, and what misplaced responses cost, is on the page.
    expect(missedBy((row) => modelOnSixsGrid(row.input.platform))).toEqual(['path, AOT above 0.4'])
    expect(missedBy()).toEqual([
      'Rayleigh path, every state',
      'path, AOT up to 0.4',
      'path, AOT above 0.4',
      'surface 0.05, AOT up to 0.4',
    ])
  })

  test('what 6S puts elsewhere by a nm explains what the Rayleigh path misses', () => {
    for (const [name, group] of groupBy(rows, nameOf)) {
      const depth = group[0]!
      const ours = errorsOf({ ...depth, input: { ...depth.input, aot550: 0 } }).ours.opticalDepth
      // Depths of 6S are known to six digits; ours differ by up to 1.5 % for responses that it moved.
      const ratio = ours / depth.tauRayleigh
      const path = spreadOf(group.map((row) => errorsOf(row).ours.rayleighReflectance / row.rhoRayleigh - 1))
      // A path grows a little slower than its depth, and both codes interpolate it between wavelengths.
      expect(Math.abs(path.bias - (ratio - 1)), name).toBeLessThan(0.006)
    }
  })

  test('the backscatter side is the brighter one, by as much as in 6S', () => {
    const blue = rows.filter(
      (r) =>
        r.input.platform === 'S2A' &&
        r.input.band === 'B02' &&
        r.input.viewZenithDeg === 8 &&
        r.aot550 <= 0.4,
    )
    const pairs = [
      ...groupBy(blue, ({ input }) =>
        [input.aerosol, input.sunZenithDeg, input.aot550, input.wv, input.pressureHpa].join(),
      ),
    ]
    expect(pairs).toHaveLength(2 * 3 * 4 * 2 * 2)
    for (const [state, group] of pairs) {
      const at = (raa: number) => group.find((row) => row.input.relativeAzimuthDeg === raa)!
      const theirs = at(0).rhoAtm - at(180).rhoAtm
      const ours = errorsOf(at(0)).ours.pathReflectance - errorsOf(at(180)).ours.pathReflectance
      expect(theirs, state).toBeGreaterThan(0.002)
      expect(Math.abs(ours - theirs), state).toBeLessThan(0.12 * theirs)
    }
  })

  test('direct light and optical depths are those of 6S', () => {
    for (const row of rows.filter((r) => r.input.platform === 'S2A')) {
      const { opticalDepth } = errorsOf(row).ours
      expect(Math.abs(opticalDepth / (row.tauAerosol + row.tauRayleigh) - 1), nameOf(row)).toBeLessThan(0.013)
    }
  })
})
