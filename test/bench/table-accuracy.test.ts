import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { shippedModel } from '../../bench/accuracy-measures.js'
import { tableReport } from '../../bench/table-accuracy.js'
import type { SpectralSensor } from '../../src/domain/l1-scene.js'

const folder = mkdtempSync(join(tmpdir(), 'tilth-table-'))
afterAll(() => {
  rmSync(folder, { recursive: true })
})

const NAMES = { S2C: 'S2C', L9: 'L9OLI2' } as const

/** A row as 6S would write it if it were our model: every goal is met. */
function stateOf(platform: keyof typeof NAMES, band: string, aot: number): Record<string, string | number> {
  const sensor: SpectralSensor = platform
  const c = shippedModel().bandCoefficients({
    ...{ platform: sensor, band, sunZenithDeg: 35, viewZenithDeg: 5, relativeAzimuthDeg: 120 },
    ...{ aot550: aot, wv: 2, ozone: 300, pressureHpa: 950, aerosol: 'urban' },
  })
  const toa = (rho: number) =>
    c.gasPath + (c.gasTransmittance * c.transmittance * rho) / (1 - c.sphericalAlbedo * rho)
  return {
    ...{ platform: NAMES[platform], band: platform === 'L9' ? band.replace('B0', 'B') : band },
    ...{ aerosol: 'urban', sza: 35, vza: 5, raa: 120, aot550: aot, wv: 2, o3: 0.3, alt_km: 0.5 },
    ...{ rtoa_rho0: toa(0), rtoa_rho005: toa(0.05), rtoa_rho020: toa(0.2), rtoa_rho050: toa(0.5) },
    ...{ rho_atm: c.pathReflectance, rho_rayleigh: c.rayleighReflectance },
    ...{
      t_down: c.transmittance / c.transmittanceUp,
      t_up: c.transmittanceUp,
      sph_albedo: c.sphericalAlbedo,
    },
    ...{ tg_total: c.gasTransmittance, tg_h2o: 1, tg_h2o_half: 1, tg_o3: 1, tg_co2: 1, tg_o2: 1 },
    ...{ tg_no2: 1, tg_ch4: 1, tg_co: 1, tau_aerosol: 0.1, tau_rayleigh: 0.1, pressure_hpa: 950 },
  }
}

function written(rows: readonly Record<string, string | number>[]): string {
  const path = join(folder, 'table.csv')
  const names = Object.keys(rows[0] ?? {})
  writeFileSync(path, [names, ...rows.map((row) => names.map((name) => row[name]))].join('\n') + '\n')
  return path
}
const without = (row: Record<string, string | number>, column: string) =>
  Object.fromEntries(Object.entries(row).filter(([name]) => name !== column))
const refused = (message: RegExp) =>
  expect.objectContaining({
    code: 'BAD_ARGUMENT',
    message: expect.stringMatching(message) as string,
  }) as Error

test('another table is held against the goals of which it has states, its cirrus bands apart', () => {
  const report = tableReport(
    written([stateOf('S2C', 'B04', 0.3), stateOf('S2C', 'B10', 0.3), stateOf('L9', 'B09', 0.3)]),
  )
  expect(report).toContain('3 states: S2C, L9; aerosol urban; sun zenith 35, view zenith 5')
  expect(report).toMatch(/\| all but cirrus \| S2C B04 \|/)
  expect(report).toMatch(/\| cirrus \(B10, OLI B9\) \| (S2C B10|L9 B09) \|/)
  expect(report).toMatch(/\| path, AOT up to 0\.4 \|.*\| S2C B04 \| yes \|/)
  expect(report).toMatch(/\| gases, cirrus bands \|.*\| yes \|/)
  // No thick air and no band of water vapour here.
  expect(report).not.toMatch(/above 0\.4|gases, B09/)
})

test('a table of cirrus bands through which nothing passes has goals for air and gases alone', () => {
  const dark = { ...stateOf('S2C', 'B10', 0.1), tg_total: 0 }
  const report = tableReport(written([dark]))
  expect(report).toContain('gases let no light pass')
  expect(report).not.toMatch(/NaN|Infinity|surface 0\.05/)
})

test('what cannot be read is a bad argument that names file, line and column', () => {
  const good = stateOf('S2C', 'B04', 0.3)
  const read = (row: Record<string, string | number>) => () => tableReport(written([row]))
  expect(() => tableReport(join(folder, 'nothing.csv'))).toThrow(refused(/nothing\.csv: cannot be read/))
  expect(() => tableReport(folder)).toThrow(refused(/cannot be read/))
  expect(() => tableReport(written([]))).toThrow(refused(/no rows/))
  for (const column of ['platform', 'aerosol', 'tg_total', 'tau_rayleigh'])
    expect(read(without(good, column))).toThrow(refused(new RegExp(`no column '${column}'`)))
  expect(read({ ...good, sza: 'low' })).toThrow(
    refused(/line 2, column 'sza': expected a number, found 'low'/),
  )
  expect(read({ ...good, wv: '' })).toThrow(refused(/line 2, column 'wv'/))
  expect(read({ ...good, platform: 'S9' })).toThrow(refused(/line 2, column 'platform'.*'S9'/))
  expect(read({ ...good, band: 'B99' })).toThrow(refused(/line 2, column 'band'.*'B99'/))
  expect(read({ ...good, aerosol: 'soot' })).toThrow(refused(/line 2, column 'aerosol'.*'soot'/))
})
