import fc from 'fast-check'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { scatterBySphere } from '../../src/runner/rt/mie.js'
import { componentOptics, mixtureOptics, opacModel, readOpac } from '../../src/runner/rt/opac.js'
import { readAerosolOptics } from '../../src/runner/rt/plan.js'
import { programRoot } from '../../src/runner/rt/solve-part.js'

const optics = await readAerosolOptics(join(programRoot(), 'config/rt/aerosol-optics.json'))
const opac = readOpac()

describe('one sphere', () => {
  test('scatters as the program of Bohren and Huffman (1983, appendix A) prints it', () => {
    // Radius 0.525 um of index 1.55, wavelength 0.6328 um.
    const size = (2 * Math.PI * 0.525) / 0.6328
    const { extinction, scattering, intensity } = scatterBySphere(size, 1.55, 0, [-1])
    expect(extinction).toBeCloseTo(3.10543, 5)
    expect(scattering).toBeCloseTo(3.10543, 5)
    expect((4 * intensity[0]!) / size ** 2).toBeCloseTo(2.92534, 4)
  })

  // Six digits of the test cases of Wiscombe (1979), NCAR/TN-140+STR: transparent, hardly absorbing and very large, absorbing.
  test.each([
    [10, 0.75, 0, 2.232265, 2.232265, 0.896473],
    [1, 1.5, 1, 2.336321, 0.663454, 0.192136],
    [100, 1.5, 1, 2.097502, 1.283697, 0.850252],
    [100, 1.33, 1e-5, 2.101321, 2.096594, 0.868959],
    [10_000, 1.33, 1e-5, 2.004089, 1.723857, 0.90784],
  ])('of size %d and index %d - %di as published', (size, real, absorbing, extinction, scattering, g) => {
    const found = scatterBySphere(size, real, absorbing, [])
    expect(found.extinction).toBeCloseTo(extinction, 5)
    expect(found.scattering).toBeCloseTo(scattering, 5)
    expect(found.asymmetry).toBeCloseTo(g, 5)
  })

  test('much smaller than the wavelength is a dipole', () => {
    const size = 1e-3
    const { scattering, intensity } = scatterBySphere(size, 1.4, 0, [-1, 0, 1])
    // Rayleigh: 8/3 x^4 ((m^2 - 1) / (m^2 + 2))^2, and half as much to the side as back and forth.
    expect(scattering / ((8 / 3) * size ** 4 * ((1.4 ** 2 - 1) / (1.4 ** 2 + 2)) ** 2)).toBeCloseTo(1, 5)
    expect(intensity[1]! / intensity[0]!).toBeCloseTo(0.5, 5)
    expect(intensity[2]! / intensity[0]!).toBeCloseTo(1, 5)
  })

  test('never scatters more than it takes out, and as much where nothing is absorbed', () => {
    const number = (min: number, max: number) => fc.double({ min, max, noNaN: true })
    fc.assert(
      fc.property(number(0.01, 300), number(1.1, 2), number(0, 0.5), (size, real, absorbing) => {
        const { extinction, scattering, asymmetry } = scatterBySphere(size, real, absorbing, [])
        expect(scattering).toBeLessThanOrEqual(extinction * (1 + 1e-10))
        expect(scattering).toBeGreaterThan(0)
        expect(Math.abs(asymmetry)).toBeLessThan(1)
        const clear = scatterBySphere(size, real, 0, [])
        expect(clear.scattering / clear.extinction).toBeCloseTo(1, 9)
      }),
    )
  })
})

describe('particles of OPAC', () => {
  // Extinction (1/km of one particle per cm3) and albedo in its files inso00, waso80, soot00. Its integrals over sizes are coarser than ours: up to 0.17 % for the water-soluble ones.
  test.each([
    ['insoluble', 0.4, 8.282e-3, 0.6918],
    ['insoluble', 0.55, 8.496e-3, 0.73],
    ['insoluble', 2.5, 6.782e-3, 0.8715],
    ['water_soluble', 0.4, 1.423e-5, 0.9871],
    ['water_soluble', 0.55, 9.584e-6, 0.9843],
    ['water_soluble', 1.5, 1.571e-6, 0.899],
    ['soot', 0.4, 8.612e-7, 0.2672],
    ['soot', 0.8, 3.27e-7, 0.1354],
  ])('%s at %d um are as in its files', (name, um, extinction, albedo) => {
    const found = componentOptics(opac, name, um, [])
    expect(Math.abs((1e-3 * found.extinction) / extinction - 1)).toBeLessThan(0.002)
    expect(Math.abs(found.scattering / found.extinction - albedo)).toBeLessThan(3e-4)
  })

  test('mixed as its type continental polluted have the extinction, albedo and asymmetry that it prints', () => {
    const numbers = { insoluble: 0.6, water_soluble: 15_700, soot: 34_300 }
    const { extinction, scattering, asymmetry } = mixtureOptics(opac, numbers, 0.55, [])
    expect(Math.abs((1e-3 * extinction) / 0.1746 - 1)).toBeLessThan(0.002)
    expect(scattering / extinction).toBeCloseTo(0.8925, 3)
    expect(asymmetry).toBeCloseTo(0.6977, 3)
  })

  test('of the continental average have the albedo 0.925 at 550 nm that Hess et al. (1998) state', () => {
    const [row] = opacModel(opac, opac.models['continental-average']!, {
      wavelengths_um: [0.55],
      cosines: [],
    })
    expect(row!.extinction).toBe(1)
    expect(row!.albedo).toBeCloseTo(0.925, 3)
  })

  test('are in the file that the table is made of, digit by digit', () => {
    for (const i of [2, 12, 17]) {
      const numbers = opac.models['continental-average']!
      const axes = { wavelengths_um: [optics.wavelengths_um[i]!], cosines: optics.cosines }
      expect(opacModel(opac, numbers, axes)[0]).toEqual(optics.models['continental-average'][i])
    }
  })

  test('have a phase function whose mean is 1 but for the forward peak of large particles', () => {
    const cosines = optics.cosines
    // Trapezia between the nodes of a Gauss rule, which leave the ends out: 4e-4 of all directions each.
    for (const { phase } of optics.models['continental-average']) {
      let sum = 0
      for (let j = 1; j < cosines.length; j++)
        sum += ((cosines[j]! - cosines[j - 1]!) * (phase[j]! + phase[j - 1]!)) / 4
      expect(sum).toBeGreaterThan(0.98)
      expect(sum).toBeLessThan(1.01)
    }
  })

  test('are not asked for beyond the wavelengths of its refractive indices', () => {
    expect(() => componentOptics(opac, 'soot', 5, [])).toThrow(/no soot of OPAC at 5 um/)
    expect(() => componentOptics(opac, 'salt', 0.5, [])).toThrow(RangeError)
  })
})
