import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  bandOf,
  hasReferenceTable,
  platformOf,
  readCsv,
  RT_REFERENCE,
} from '../../../bench/reference-table.js'
import { S2_BANDS, S2_PLATFORMS } from '../../../src/domain/sentinel2.js'
import { rayleighOpticalDepth } from '../../../src/processors/l2a/closed-forms.js'
import { AEROSOL_MODELS } from '../../../src/processors/l2a/definition.js'
import { AEROSOL_OPTICS, AEROSOL_WAVELENGTHS_UM } from '../../../src/processors/l2a/tables/aerosol-optics.js'
import { AEROSOL_PHASE, PHASE_COSINES } from '../../../src/processors/l2a/tables/aerosol-phase.js'
import { BAND_OPTICS } from '../../../src/processors/l2a/tables/band-optics.js'

test('every band of every Sentinel-2 platform is described', () => {
  for (const platform of S2_PLATFORMS) expect(Object.keys(BAND_OPTICS[platform])).toEqual([...S2_BANDS])
})

test('the Rayleigh optical depth of a band is that of eq. 3 at its centroid, wide bands included', () => {
  // A band mean weighs the steep lambda^-4 over its width: B02 (65 nm) and OLI B8 (170 nm) lie above the value at the centroid.
  for (const [platform, bands] of Object.entries(BAND_OPTICS))
    for (const [band, optics] of Object.entries(bands)) {
      const ratio = optics.tauRayleigh / rayleighOpticalDepth(optics.centreUm)
      expect(ratio, `${platform} ${band}`).toBeGreaterThan(0.97)
      expect(ratio, `${platform} ${band}`).toBeLessThan(1.12)
    }
})

test('the tables are rectangular and ordered', () => {
  const ascending = (values: readonly number[]) => values.every((v, i) => i === 0 || v > values[i - 1]!)
  expect(ascending(AEROSOL_WAVELENGTHS_UM) && ascending(PHASE_COSINES)).toBe(true)
  for (const model of AEROSOL_MODELS) {
    for (const values of Object.values(AEROSOL_OPTICS[model]))
      expect(values).toHaveLength(AEROSOL_WAVELENGTHS_UM.length)
    expect(AEROSOL_PHASE[model]).toHaveLength(AEROSOL_WAVELENGTHS_UM.length)
    for (const row of AEROSOL_PHASE[model]) expect(row).toHaveLength(PHASE_COSINES.length)
  }
})

test.skipIf(!hasReferenceTable)('the tables hold the facts of the reference files, number by number', () => {
  let compared = 0
  for (const row of readCsv(join(RT_REFERENCE, 'gas_coefs.csv'))) {
    const n = (name: string) => Number(row[name])
    const optics = BAND_OPTICS[platformOf(row['platform']!)][bandOf(row['band']!)]!
    expect(optics.h2o).toEqual([n('a_h2o'), n('n_h2o')])
    expect(optics.o3).toEqual([n('a_o3'), n('n_o3')])
    expect(optics.other).toEqual([n('a_oth'), n('n_oth'), n('p_oth')])
    expect(optics.tauRayleigh).toBe(n('tau_rayleigh_1013hpa'))
    compared++
  }
  for (const row of readCsv(join(RT_REFERENCE, 'bands.csv')))
    expect(BAND_OPTICS[platformOf(row['platform']!)][bandOf(row['band']!)]!.centreUm).toBe(
      Number(row['center_um']),
    )
  for (const row of readCsv(join(RT_REFERENCE, 'aerosol_optics.csv'))) {
    const model = AEROSOL_MODELS.find((name) => name === row['model'])
    const at = AEROSOL_WAVELENGTHS_UM.indexOf(Number(row['wavelength_um']))
    if (model === undefined || at < 0) continue
    const { extinction, albedo, asymmetry } = AEROSOL_OPTICS[model]
    expect([extinction[at], albedo[at], asymmetry[at]]).toEqual([
      Number(row['ext_rel_550']),
      Number(row['ssa']),
      Number(row['asym_g']),
    ])
    compared++
  }
  for (const row of readCsv(join(RT_REFERENCE, 'aerosol_phase.csv'))) {
    const model = AEROSOL_MODELS.find((name) => name === row['model'])
    const at = AEROSOL_WAVELENGTHS_UM.indexOf(Number(row['wavelength_um']))
    const angle = PHASE_COSINES.indexOf(Number(row['cos_scattering_angle']))
    if (model === undefined || at < 0 || angle < 0) continue
    // Kept to five digits.
    expect(AEROSOL_PHASE[model][at]![angle]! / Number(row['phase_function'])).toBeCloseTo(1, 4)
    compared++
  }
  expect(compared).toBe(57 + 2 * 18 + 2 * 18 * 50)
})
