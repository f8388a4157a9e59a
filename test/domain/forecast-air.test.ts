import { expect, test } from 'vitest'
import { parseAerosolMix } from '../../src/domain/aerosol-mix.js'
import { forecastAir } from '../../src/domain/forecast-air.js'

const grib = (code: number, mean: number) => ({
  description: `0[-] SFC="Ground or water surface" 21600 sec var${code} of table 210 of center ECMWF [-]`,
  mean,
})
const kinds = ({ salt = 0, dust = 0, organic = 0, soot = 0, sulphate = 0 }) => [
  ...[grib(208, salt), grib(209, dust), grib(210, organic), grib(211, soot), grib(212, sulphate)],
]

test('fields of CAMS by table or by name, in any order: the total is no kind of it', () => {
  const named = [
    { description: 'Dust Aerosol Optical Depth at 550nm ~ duaod550', mean: 0.08 },
    { description: 'Total Aerosol Optical Depth at 550nm ~ aod550', mean: 0.3 },
    { description: 'Sea Salt Aerosol Optical Depth at 550nm ~ ssaod550', mean: 0.02 },
    { description: 'Organic Matter Aerosol Optical Depth at 550nm ~ omaod550', mean: 0.1 },
    { description: 'Black Carbon Aerosol Optical Depth at 550nm ~ bcaod550', mean: 0.02 },
    { description: 'Sulphate Aerosol Optical Depth at 550nm ~ suaod550', mean: 0.08 },
    { description: 'Total column vertically-integrated water vapour kg m**-2 tcwv', mean: 21 },
    { description: 'GEMS Total column ozone kg m**-2 gtco3', mean: 0.0064 },
  ]
  const { air, notes } = forecastAir(named)
  expect(air).toMatchObject({ aot: 0.3, wv: 2.1, aerosol: 'continental:0.66,desert:0.27,maritime:0.07' })
  expect(air.ozone).toBeCloseTo(299, 0)
  expect(notes).toEqual([])
  expect(forecastAir([...named].reverse()).air).toEqual(air)
  const byTable = [
    grib(207, 0.3),
    ...kinds({ salt: 0.02, dust: 0.08, organic: 0.1, soot: 0.02, sulphate: 0.08 }),
  ]
  expect(forecastAir(byTable).air).toMatchObject({ aot: 0.3, aerosol: air.aerosol, wv: null, ozone: null })
})

test('an aerosol is what a parameter may say: traces are left out, one kind has its name, shares add up to 1', () => {
  expect(forecastAir(kinds({ dust: 1.2, salt: 0.01 })).air.aerosol).toBe('desert')
  for (const [salt, dust, sulphate] of [
    [0.1, 0.1, 0.1],
    [0.05, 0.005, 0.2],
    [0.333, 0.333, 0.334],
  ] as const) {
    const mix = forecastAir(kinds({ salt, dust, sulphate })).air.aerosol
    const parts = parseAerosolMix(mix ?? '')
    expect(parts.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 9)
    const whole = salt + dust + sulphate
    for (const { model, weight } of parts)
      expect(weight).toBeCloseTo(
        { maritime: salt, desert: dust, continental: sulphate, urban: 0, 'continental-average': 0 }[model] /
          whole,
        1,
      )
  }
})

test('without all five kinds, with next to nothing of them or with nonsense no aerosol is told', () => {
  expect(forecastAir(kinds({ dust: 0.3 }).slice(0, 4)).air.aerosol).toBeNull()
  expect(forecastAir(kinds({ dust: 0.004 })).air.aerosol).toBeNull()
  expect(forecastAir(kinds({ dust: 0.3, salt: -0.1 })).air.aerosol).toBeNull()
  const { air, notes } = forecastAir([{ description: 'total column ozone', mean: 300 }])
  expect(air.ozone).toBeNull()
  expect(notes.join()).toMatch(/ozone of 1\.40e\+7 makes no sense/)
})
