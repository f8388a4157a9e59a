import fc from 'fast-check'
import { expect, test } from 'vitest'
import { coverClass, coverOfCells } from '../../../../src/processors/l2a/masks/ground-cover.js'
import { CLOUD, CROPS, gridOf, sceneOf, SNOW, WATER, type Spectrum } from './scenes.js'

const classOf = ([blue, green, red, nir, swir16]: Spectrum) => coverClass(blue, green, red, nir, swir16)
const SOIL: Spectrum = [0.13, 0.14, 0.17, 0.25, 0.33, 0.28]

test('vegetation begins at an NDVI of 0.42', () => {
  // Red 0.145: (nir - 0.145) / (nir + 0.145) = 0.42 at nir = 0.145 x 1.42 / 0.58 = 0.3550; 2.5 x green is far above.
  const at = (nir: number) => coverClass(0.1, 0.2, 0.145, nir, 0.3)
  expect([at(0.3549), at(0.3551)]).toEqual([5, 4])
  expect(classOf(CROPS)).toBe(4)
})

test('so does it where the near infrared is 2.5 times the green, whatever the red: crops that turn yellow', () => {
  // NDVI (0.26 - 0.13) / 0.39 = 0.33
  expect([coverClass(0.1, 0.105, 0.13, 0.26, 0.3), coverClass(0.1, 0.1039, 0.13, 0.26, 0.3)]).toEqual([5, 4])
})

test('soil has less blue than 0.7 of the short-wave infrared, and less than a line that falls with that part', () => {
  expect(classOf(SOIL)).toBe(5)
  const at = (blue: number, swir16: number) => coverClass(blue, 0.2, 0.22, 0.25, swir16)
  expect([at(0.1399, 0.2), at(0.1401, 0.2)]).toEqual([5, 7])
  // Part 0.5: less than 0.46 - 0.40 x 0.5 = 0.26. Part 0.3: 0.34, but 0.32 is the most.
  expect([at(0.2598, 0.5196), at(0.2602, 0.5204)]).toEqual([5, 7])
  expect([at(0.3198, 1.066), at(0.3202, 1.0673)]).toEqual([5, 7])
})

test('bright roofs, clouds, snow and water are neither, nor is what was not measured', () => {
  const roof: Spectrum = [0.4, 0.41, 0.42, 0.45, 0.6, 0.5]
  expect([roof, CLOUD, SNOW, WATER].map(classOf)).toEqual([7, 7, 7, 7])
  for (let missing = 0; missing < 5; missing++) {
    const [blue, green, red, nir, swir16] = SOIL.map((v, k) =>
      k === missing ? NaN : v,
    ) as unknown as Spectrum
    expect(coverClass(blue, green, red, nir, swir16)).toBe(7)
  }
})

test('every reflectance has one of the three classes, cell by cell', () => {
  const rho = fc.oneof(
    { weight: 9, arbitrary: fc.float({ min: Math.fround(-0.1), max: 2 }) },
    { weight: 1, arbitrary: fc.constant(NaN) },
  )
  fc.assert(
    fc.property(
      fc.array(fc.tuple(rho, rho, rho, rho, rho, rho), { minLength: 1, maxLength: 20 }),
      (cells) => {
        const cover = coverOfCells(sceneOf(gridOf(cells.length, 1), (x) => cells[x] ?? null))
        expect(cover.buffer).toBeInstanceOf(SharedArrayBuffer)
        cells.forEach((spectrum, i) => {
          expect([4, 5, 7]).toContain(cover[i])
          const [blue, green, red, nir, swir16] = spectrum.map(Math.fround) as unknown as Spectrum
          expect(cover[i]).toBe(coverClass(blue, green, red, nir, swir16))
        })
      },
    ),
  )
})
