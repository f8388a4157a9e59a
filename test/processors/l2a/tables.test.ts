import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import {
  bandOf,
  hasReferenceTable,
  platformOf,
  readCsv,
  RT_REFERENCE,
} from '../../../bench/reference-table.js'
import { S2_BANDS, S2_PLATFORMS } from '../../../src/domain/sentinel2.js'
import { bandSamples, shippedResponse } from '../../../src/processors/l2a/band-integration.js'
import { BAND_GASES } from '../../../src/processors/l2a/tables/gas-absorption.js'
import { SPECTRAL_RESPONSES } from '../../../src/processors/l2a/tables/spectral-responses.js'
import type { AerosolOptics } from '../../../src/runner/rt/plan.js'

test('every band of every platform is described, OLI and OLI-2 apart', () => {
  for (const platform of S2_PLATFORMS) {
    expect(Object.keys(BAND_GASES[platform])).toEqual([...S2_BANDS])
    expect(Object.keys(SPECTRAL_RESPONSES[platform])).toEqual([...S2_BANDS])
  }
  for (const platform of ['L8', 'L9'] as const)
    expect(Object.keys(SPECTRAL_RESPONSES[platform])).toHaveLength(9)
  expect(SPECTRAL_RESPONSES.L8).not.toEqual(SPECTRAL_RESPONSES.L9)
})

const centroid = (platform: 'S2A' | 'S2B' | 'S2C' | 'L8' | 'L9', band: string): number => {
  const { startNm, stepNm, values } = shippedResponse(platform, band)
  const total = values.reduce((sum, v) => sum + v, 0)
  return values.reduce((sum, v, i) => sum + v * (startNm + i * stepNm), 0) / total
}

test('centroids of the responses are those of the reference note, within half a nm', () => {
  expect(centroid('S2A', 'B02')).toBeCloseTo(492.4, 0)
  expect(centroid('S2C', 'B02')).toBeCloseTo(489, 0)
  expect(centroid('S2B', 'B12')).toBeCloseTo(2185.7, -0.5)
  expect(centroid('L8', 'B02')).toBeCloseTo(482.7, 0)
})

test('a band is integrated over few wavelengths with its weight, mean and variance', () => {
  const nodes = [0.4, 0.443, 0.47, 0.488, 0.515, 0.55]
  const samples = bandSamples(shippedResponse('S2A', 'B02'), nodes)
  expect(samples.length).toBeLessThanOrEqual(10)
  expect(samples.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 12)
  const mean = samples.reduce((sum, { node, fraction, weight }) => {
    const [low, high] = [Math.log(nodes[node]!), Math.log(nodes[node + 1]!)]
    return sum + weight * Math.exp(low + fraction * (high - low))
  }, 0)
  // Sunlight leans a band by less than a nm.
  expect(Math.abs(mean * 1000 - 492.4)).toBeLessThan(1)
})

test('a response that is nowhere above 0 is refused', () => {
  expect(() => bandSamples({ startNm: 500, stepNm: 1, values: [0, 0, -0.1] }, [0.4, 0.6])).toThrow(
    /nowhere above 0/,
  )
})

test.skipIf(!hasReferenceTable)('the tables hold the facts of the reference files, number by number', () => {
  let compared = 0
  for (const row of readCsv(join(RT_REFERENCE, 'gas_coefs.csv'))) {
    const n = (name: string) => Number(row[name])
    const gases = BAND_GASES[platformOf(row['platform']!)][bandOf(row['band']!)]!
    expect(gases.o3).toEqual([n('a_o3'), n('n_o3')])
    expect(gases.other).toEqual([n('a_oth'), n('n_oth'), n('p_oth')])
    expect(gases.h2o === null).toBe(n('a_h2o') === 0)
    compared++
  }
  const root = resolve(import.meta.dirname, '../../..')
  const optics = JSON.parse(
    readFileSync(join(root, 'config/rt/aerosol-optics.json'), 'utf8'),
  ) as AerosolOptics
  const modelOf = (name: string | undefined) => optics.models[name as keyof typeof optics.models]
  for (const row of readCsv(join(RT_REFERENCE, 'aerosol_optics.csv'))) {
    const at = optics.wavelengths_um.indexOf(Number(row['wavelength_um']))
    if (at < 0) continue
    const { extinction, albedo } = modelOf(row['model'])[at]!
    expect([extinction, albedo]).toEqual([Number(row['ext_rel_550']), Number(row['ssa'])])
    compared++
  }
  for (const row of readCsv(join(RT_REFERENCE, 'aerosol_phase.csv'))) {
    const at = optics.wavelengths_um.indexOf(Number(row['wavelength_um']))
    const angle = optics.cosines.indexOf(Number(row['cos_scattering_angle']))
    if (at < 0 || angle < 0) continue
    expect(modelOf(row['model'])[at]!.phase[angle]).toBe(Number(row['phase_function']))
    compared++
  }
  expect(compared).toBe(57 + 4 * 19 + 4 * 19 * 80)
})
