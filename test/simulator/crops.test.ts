import { describe, expect, it } from 'vitest'
import { tileSquare } from '../../src/domain/mgrs.js'
import { toUtm } from '../../src/domain/utm.js'
import { Landscape } from '../../src/simulator/landscape.js'
import { surveyParcels } from '../../src/simulator/parcels.js'
import { noiseModel, OLI_NOISE, S2_NOISE } from '../../src/simulator/sensor-noise.js'
import { snowCover } from '../../src/simulator/snow.js'
import { BASE_YEAR, GROUND, lateDays, spectraOn } from '../../src/simulator/spectra.js'

const ndvi = (kind: string, day: number, year?: number) => {
  const { B04, B8A } = spectraOn(day, false, year)
  const k = GROUND.findIndex((g) => g === kind) * 16 + 5
  return ((B8A[k] ?? 0) - (B04[k] ?? 0)) / ((B8A[k] ?? 0) + (B04[k] ?? 0))
}

describe('the calendar of crops', () => {
  it('lets winter crops be green in spring, summer crops in summer, and forest from May to October', () => {
    expect(ndvi('winter wheat', 135)).toBeGreaterThan(0.75)
    expect(ndvi('winter wheat', 215)).toBeLessThan(0.35)
    expect(ndvi('maize', 135)).toBeLessThan(0.3)
    expect(ndvi('maize', 215)).toBeGreaterThan(0.75)
    expect(ndvi('rapeseed', 80)).toBeGreaterThan(ndvi('winter wheat', 80))
    expect(ndvi('broadleaf forest', 180) - ndvi('broadleaf forest', 30)).toBeGreaterThan(0.35)
    expect(Math.abs(ndvi('conifer forest', 180) - ndvi('conifer forest', 30))).toBeLessThan(0.01)
  })

  it('rises and falls once in a season', () => {
    for (const crop of ['winter wheat', 'maize', 'sunflower']) {
      const year = Array.from({ length: 73 }, (_, i) => ndvi(crop, 1 + 5 * i))
      const peak = year.indexOf(Math.max(...year))
      for (let i = 1; i <= peak; i++) expect(year[i]).toBeGreaterThan((year[i - 1] ?? 0) - 0.02)
      for (let i = peak + 1; i < 73; i++) expect(year[i]).toBeLessThan((year[i - 1] ?? 0) + 0.03)
    }
  })

  it('comes early or late with the year', () => {
    const late = Array.from({ length: 20 }, (_, i) => 2026 + i).find((year) => lateDays(year) >= 4) ?? 0
    expect(lateDays(BASE_YEAR)).toBe(0)
    expect(ndvi('winter wheat', 90, late)).toBeLessThan(ndvi('winter wheat', 90))
    expect(ndvi('winter wheat', 90 + lateDays(late), late)).toBeCloseTo(ndvi('winter wheat', 90), 6)
  })
})

describe('a field survey', () => {
  const options = { tile: '31TCJ', year: 2025, seed: 5, share: 0.004, validation: 0.25 }
  const survey = surveyParcels(options)

  it('tells the crop that stands there', () => {
    const square = tileSquare('31TCJ')
    const landscape = new Landscape(5, 2025)
    expect(survey.features.length).toBeGreaterThan(60)
    let probes = 0
    for (const { geometry, properties } of survey.features) {
      const ring = (geometry.coordinates[0] ?? []).map(([lon = 0, lat = 0]) => toUtm(lon, lat, 31))
      const [a, b, c] = ring
      if (!a || !b || !c) throw new Error('a ring has corners')
      for (const [u, v] of [
        [0.1, 0.1],
        [0.9, 0.1],
        [0.5, 0.5],
        [0.1, 0.9],
        [0.9, 0.9],
      ] as const) {
        const x = a[0] + u * (b[0] - a[0]) + v * (c[0] - b[0])
        const y = a[1] + u * (b[1] - a[1]) + v * (c[1] - b[1])
        expect(x > square.xmin && x < square.xmin + 109_800).toBe(true)
        const { kinds } = landscape.fill({
          easting: 31_000_000 + x - 5,
          northing: y + 5,
          pixelM: 10,
          width: 1,
          height: 1,
        })
        if (Math.floor((kinds[0] ?? 0) / 16) === properties.code) probes++
      }
    }
    // Blocks meet on nodes 60 m apart, and single pixels there may belong to a neighbour.
    expect(probes / (5 * survey.features.length)).toBeGreaterThan(0.97)
  })

  it('has enough of each crop, splits a quarter off, and is the same again', () => {
    const crops = new Map<string, number>()
    for (const { properties } of survey.features)
      crops.set(properties.crop, (crops.get(properties.crop) ?? 0) + 1)
    for (const crop of [
      'winter wheat',
      'maize',
      'sunflower',
      'rapeseed',
      'grassland',
      'orchard',
      'bare soil',
    ])
      expect(crops.get(crop), crop).toBeGreaterThan(0)
    const kept =
      survey.features.filter((f) => f.properties.split === 'validation').length / survey.features.length
    expect(kept).toBeGreaterThan(0.1)
    expect(kept).toBeLessThan(0.4)
    expect(surveyParcels(options)).toEqual(survey)
    expect(new Set(survey.features.map((f) => f.properties.id)).size).toBe(survey.features.length)
  })

  it('finds the same parcels next year, with other crops on the arable ones', () => {
    const next = surveyParcels({ ...options, year: 2026 })
    const before = new Map(survey.features.map((f) => [f.properties.id, f]))
    let [same, moved] = [0, 0]
    for (const feature of next.features) {
      const old = before.get(feature.properties.id)
      if (!old) continue
      same++
      expect(feature.geometry).toEqual(old.geometry)
      expect(feature.properties.split).toBe(old.properties.split)
      const permanent = ['grassland', 'orchard'].includes(old.properties.crop)
      if (permanent) expect(feature.properties.crop).toBe(old.properties.crop)
      else if (feature.properties.crop !== old.properties.crop) moved++
    }
    expect(same).toBeGreaterThan(0.9 * survey.features.length)
    expect(moved).toBeGreaterThan(0.3 * same)
  })

  it('refuses shares out of range', () => {
    expect(() => surveyParcels({ ...options, share: 2 })).toThrow(/from 0 to 1/)
  })
})

describe('snow', () => {
  it('lies high in summer and low in winter, the other way round in the south', () => {
    const line = (date: string, day: number, lat: number) =>
      snowCover('season', 1, date, day, lat)?.lineM ?? 0
    expect(line('2025-02-14', 45, 45)).toBeLessThan(1150)
    expect(line('2025-08-15', 227, 45)).toBeGreaterThan(2700)
    expect(line('2025-08-15', 227, -45)).toBeLessThan(1200)
    expect(snowCover('none', 1, '2025-02-14', 45, 45)).toBeNull()
  })

  it('covers open ground above its line and less of a forest, and makes it white and cold in the infrared', () => {
    const cover = snowCover(500, 1, '2025-02-14', 45, 45)
    const options = { easting: 31_300_000, northing: 4_900_000, pixelM: 200, width: 200, height: 200 }
    const ground = new Landscape(1, 2025, cover).fill(options)
    expect(new Landscape(1).fill(options).snow).toBeNull()
    let high = 0
    ground.snow?.forEach((share, k) => {
      const [altitude, kind] = [ground.altitudeM[k] ?? 0, GROUND[Math.floor((ground.kinds[k] ?? 0) / 16)]]
      const isWater = kind === 'lake' || kind === 'river'
      if (altitude < 100 || isWater) expect(share).toBe(0)
      if (altitude > 900 && !isWater) {
        high++
        expect(share).toBe(
          Math.round(
            255 *
              (kind === 'conifer forest'
                ? 0.3
                : kind === 'broadleaf forest'
                  ? 0.6
                  : kind === 'settlement'
                    ? 0.5
                    : 1),
          ),
        )
      }
    })
    expect(high).toBeGreaterThan(20)
    const spectra = spectraOn(45, false)
    const k = GROUND.indexOf('snow') * 16 + 4
    const [green, swir] = [spectra.B03[k] ?? 0, spectra.B11[k] ?? 0]
    expect((green - swir) / (green + swir)).toBeGreaterThan(0.7)
  })
})

describe('the noise of the sensors', () => {
  it('has the published ratio at the reference radiance and grows with the root of the light', () => {
    for (const [reference, radiance] of [
      [S2_NOISE.B04, 400],
      [OLI_NOISE.B5, 250],
    ] as const) {
      const sigma = noiseModel(reference, radiance)
      const rho = reference[0] / radiance
      expect(rho / sigma(rho)).toBeCloseTo(reference[1], 6)
      // Four times the light: sqrt(.2 + .8 x 4) = 1.844 times the noise.
      expect(sigma(4 * rho) / sigma(rho)).toBeCloseTo(1.844, 3)
      expect(sigma(-0.01)).toBeGreaterThan(0)
    }
  })
})
