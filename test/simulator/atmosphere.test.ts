import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { S2_BANDS, type S2Band } from '../../src/domain/sentinel2.js'
import {
  BandAir,
  oliOptics,
  s2Optics,
  type BandOptics,
} from '../../src/simulator/atmosphere/evaluate-atmosphere.js'
import { OLI_BANDS } from '../../src/simulator/landsat/oli.js'
import { solveScattering } from '../../src/simulator/atmosphere/successive-orders.js'

const reference = join(import.meta.dirname, '../../../shared/data/rt-reference/sixs_dev.csv')

interface Deviation {
  count: number
  path: number
  transmittance: number
  albedo: number
  gas: number
}

/** RMS over the states of the continental model with an optical thickness up to 0.4; gas by its largest error. */
function deviations<B extends string>(
  bands: readonly B[],
  opticsOf: (platform: string, band: B) => BandOptics | null,
): Map<B, Deviation> {
  const [head, ...lines] = readFileSync(reference, 'utf8').trim().split('\n')
  const keys = (head ?? '').split(',')
  const result = new Map<B, Deviation>(
    bands.map((b) => [b, { count: 0, path: 0, transmittance: 0, albedo: 0, gas: 0 }]),
  )
  for (const line of lines) {
    const values = line.split(',')
    const text = (key: string) => values[keys.indexOf(key)] ?? ''
    const value = (key: string) => Number(text(key))
    const platform = text('platform')
    const band = bands.find((b) => b === text('band'))
    const d = band && result.get(band)
    const optics = band && opticsOf(platform, band)
    if (!optics || !d) continue
    if (text('aerosol') !== 'continental' || value('aot550') > 0.4) continue
    const air = new BandAir({ aot: value('aot550'), wv: value('wv'), ozone: value('o3') }, optics)
    const place = {
      sza: value('sza'),
      vza: value('vza'),
      raa: value('raa'),
      altitudeM: 1000 * value('alt_km'),
    }
    const scatter = air.scattering(place)
    const gas = air.gases(place)
    d.count++
    d.path += (scatter.path - value('rho_atm')) ** 2
    d.transmittance += (scatter.transmittance / (value('t_down') * value('t_up')) - 1) ** 2
    d.albedo = Math.max(d.albedo, Math.abs(scatter.albedo - value('sph_albedo')))
    d.gas = Math.max(d.gas, Math.abs(gas.others * gas.water - value('tg_total')))
  }
  for (const d of result.values()) {
    d.path = Math.sqrt(d.path / d.count)
    d.transmittance = Math.sqrt(d.transmittance / d.count)
  }
  return result
}

describe('air of the simulator', () => {
  it.skipIf(!existsSync(reference))('agrees with the rows of the 6S table in every band', () => {
    const msi = deviations<S2Band>(S2_BANDS, (p, band) =>
      p === 'S2A' || p === 'S2B' ? s2Optics(p, band) : null,
    )
    const oli = deviations(OLI_BANDS, (p, band) => (p === 'L8OLI' ? oliOptics('L8', band) : null))
    for (const [band, d] of [...msi, ...oli]) {
      expect(d.count, band).toBeGreaterThan(150)
      expect(d.path, `${band} path reflectance`).toBeLessThan(/^B0?1$|^B8$/.test(band) ? 0.0012 : 0.001)
      expect(d.transmittance, `${band} transmittance, relative`).toBeLessThan(0.007)
      expect(d.albedo, `${band} spherical albedo`).toBeLessThan(0.0015)
      expect(d.gas, `${band} gases`).toBeLessThan(/^B12$|^B7$/.test(band) ? 0.0035 : 0.0015)
    }
  })

  it('scatters without losing energy: with nothing that absorbs, light goes up or down', () => {
    const column = { tauRayleigh: 0.3, tauAerosol: 0, ssa: 1, phaseCosines: [-1, 1], phase: [1, 1] }
    const solution = solveScattering(column, [30], [0, 10])
    // Of isotropic light from below, what does not come back is what a Lambertian sky would send down through the same air.
    let transmitted = 0
    const steps = 40
    for (let i = 0; i < steps; i++) {
      const mu = (i + 0.5) / steps
      const degrees = (Math.acos(mu) * 180) / Math.PI
      transmitted += (2 * mu * (solveScattering(column, [degrees], [0]).transmittance[0] ?? 0)) / steps
    }
    expect(transmitted + solution.sphericalAlbedo).toBeCloseTo(1, 2)
  })

  it('knows exact limits: no air gives no light of its own, more aerosol more path and less transmittance', () => {
    const place = { sza: 40, vza: 5, raa: 60, altitudeM: 0 }
    const at = (aot: number) =>
      new BandAir({ aot, wv: 2, ozone: 0.3 }, s2Optics('S2A', 'B04')).scattering(place)
    expect(at(0).path).toBeCloseTo(at(0).molecularPath, 12)
    expect(at(0.4).path).toBeGreaterThan(at(0.1).path)
    expect(at(0.4).transmittance).toBeLessThan(at(0.1).transmittance)
    const nothing = solveScattering(
      { tauRayleigh: 1e-9, tauAerosol: 0, ssa: 1, phaseCosines: [-1, 1], phase: [1, 1] },
      [40],
      [5],
    )
    expect(Math.abs(nothing.path[0]?.[0]?.[0] ?? 1)).toBeLessThan(1e-8)
    expect(nothing.transmittance[0]).toBeCloseTo(1, 8)
  })

  it('lets water vapour absorb less above high ground', () => {
    const air = new BandAir({ aot: 0.1, wv: 3, ozone: 0.3 }, s2Optics('S2C', 'B09'))
    const water = (altitudeM: number) => air.gases({ sza: 40, vza: 5, raa: 60, altitudeM }).water
    expect(water(1500)).toBeGreaterThan(water(0))
    expect(water(0)).toBeGreaterThan(0)
  })
})
