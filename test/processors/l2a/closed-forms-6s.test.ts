import { describe, expect, test } from 'vitest'
import {
  errorsOf,
  groupBy,
  isAnchorState,
  spreadOf,
  tableClosure,
  tableForward,
} from '../../../bench/accuracy-measures.js'
import { hasReferenceTable, readSixsRows } from '../../../bench/reference-table.js'
import { aerosolAt } from '../../../src/processors/l2a/aerosol.js'
import { bandOptics } from '../../../src/processors/l2a/closed-forms.js'

const rows = hasReferenceTable ? readSixsRows() : []
const CIRRUS = new Set(['S2A B10', 'S2B B10', 'L8 B09'])
const nameOf = (row: (typeof rows)[number]) => `${row.input.platform} ${row.input.band}`

describe.skipIf(!hasReferenceTable)('against 6SV2.1', () => {
  test("equation 2 with the table's own coefficients gives back the ground in every band", () => {
    const groups = groupBy(rows, nameOf)
    expect(groups.size).toBe(13 + 13 + 9)
    for (const [name, group] of groups) {
      // The band means of 6S do not multiply exactly: 8e-5. Where 2 % of the light passes (cirrus bands), six digits of rho_toa are left.
      expect(spreadOf(group.flatMap(tableClosure)).rms, name).toBeLessThanOrEqual(
        CIRRUS.has(name) ? 4e-4 : 1e-4,
      )
      expect(spreadOf(group.flatMap(tableForward)).rms, name).toBeLessThanOrEqual(1e-4)
    }
  })

  const errors = rows.filter(isAnchorState).map(errorsOf)
  const byBand = groupBy(errors, (e) => e.row.input.band)

  test('transmittance and albedo have the errors of their fit (section 2.6)', () => {
    expect(errors).toHaveLength(11 * 2 * 3 * 4 * 4 * 2 * 2)
    // Published for the fit: 0.27 % for one leg (both legs down and up: 0.12 %), largest 2.2 %; S .0019.
    const down = spreadOf(errors.map((e) => e.ours.transmittanceDown / e.row.tDown - 1))
    expect(down.rms).toBeLessThan(0.00275)
    expect(down.max).toBeLessThan(0.024)
    expect(spreadOf(errors.map((e) => e.transmittanceUp)).rms).toBeLessThan(0.00125)
    expect(spreadOf(errors.map((e) => e.albedo)).rms).toBeLessThan(0.00195)
  })

  test('the path reflectance of eq. 5 has the errors that section 2.2 measured', () => {
    const published = {
      B01: 0.0063,
      B02: 0.0042,
      B03: 0.003,
      B04: 0.0025,
      B8A: 0.0024,
      B11: 0.0017,
      B12: 0.0014,
    }
    for (const [band, rms] of Object.entries(published))
      // Half a unit of the last published digit: the same formula on the same states, not one that is merely as good.
      expect(Math.abs(spreadOf(byBand.get(band)!.map((e) => e.path)).rms - rms), band).toBeLessThan(0.00006)
  })

  test('with the exact path, surface reflectance is within .0001-.0003 at .05 and .0003-.0013 at .2', () => {
    for (const [band, group] of byBand) {
      expect(spreadOf(group.map((e) => e.surfaceExactPath[0]!)).rms, band).toBeLessThan(0.00035)
      expect(spreadOf(group.map((e) => e.surfaceExactPath[1]!)).rms, band).toBeLessThan(0.00135)
    }
  })

  test('with the path of eq. 5, surface reflectance has the errors of section 2.6', () => {
    const published = { B01: 0.0087, B02: 0.0055, B04: 0.0031, B8A: 0.0026, B11: 0.0018 }
    // At .05; the published figures do not say which ground they are for, so 5 % more is accepted.
    for (const [band, rms] of Object.entries(published))
      expect(spreadOf(byBand.get(band)!.map((e) => e.surfaceExactGas[0]!)).rms, band).toBeLessThan(rms * 1.05)
  })

  test('all terms ours, gases included: no band loses more than .0002 at .05 to its gas fit', () => {
    for (const [band, group] of byBand) {
      const own = spreadOf(group.map((e) => e.surface[0]!)).rms
      const exactGas = spreadOf(group.map((e) => e.surfaceExactGas[0]!)).rms
      expect(own - exactGas, band).toBeLessThan(0.0002)
    }
  })

  test('gas transmittance is within .005 in every delivered band of every platform, at both altitudes', () => {
    for (const [name, group] of groupBy(
      rows.filter((r) => !/B09|B10/.test(r.input.band) && nameOf(r) !== 'L8 B09'),
      nameOf,
    ))
      expect(spreadOf(group.map((row) => errorsOf(row).gas)).max, name).toBeLessThan(0.005)
  })

  test('gas transmittance of B09 is within .012, of the cirrus bands within .0025', () => {
    for (const [name, group] of groupBy(
      rows.filter((r) => /B09|B10/.test(r.input.band) || nameOf(r) === 'L8 B09'),
      nameOf,
    ))
      expect(spreadOf(group.map((row) => errorsOf(row).gas)).max, name).toBeLessThan(
        name.endsWith('B09') ? 0.0122 : 0.0026,
      )
  })

  test('halving the water vapour lies on the aerosol part only', () => {
    // Dry path times half-water transmittance, from the table's own terms, is the signal over black ground.
    const wet = rows.filter((r) => r.input.platform === 'S2A' && r.input.band === 'B08')
    const modelled = wet.map(
      (r) => r.tgOther * r.tgOzone * (r.rhoRayleigh + (r.rhoAtm - r.rhoRayleigh) * r.tgHalfWater) - r.toa[0],
    )
    const wholeWater = wet.map((r) => r.tgTotal * r.rhoAtm - r.toa[0])
    expect(spreadOf(modelled).rms).toBeLessThan(1e-4)
    expect(spreadOf(wholeWater).rms).toBeGreaterThan(5 * spreadOf(modelled).rms)
  })

  test('aerosol optical thickness at a band follows from that at 550 nm within 0.7 %', () => {
    for (const row of rows.filter((r) => r.input.platform !== 'L8')) {
      const ours =
        row.aot550 *
        aerosolAt(row.input.aerosol, bandOptics(row.input.platform, row.input.band).centreUm).extinction
      // The widest bands (B08, B12) average over the curve.
      expect(Math.abs(ours / row.tauAerosol - 1), nameOf(row)).toBeLessThan(0.007)
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
      // Single scattering makes most of it and is exact in eq. 5; polarisation and the detail of higher orders (both absent) the rest. A wrong turn would change the sign.
      expect(theirs, state).toBeGreaterThan(0.002)
      expect(Math.abs(ours - theirs), state).toBeLessThan(0.6 * theirs)
    }
  })
})
