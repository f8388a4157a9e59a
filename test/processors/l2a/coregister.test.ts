import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AGREEMENT, agreeOn, clearBeside, windowsOver } from '../../../src/processors/l2a/coregister.js'

describe('windows over an image', () => {
  test('stand evenly from edge to edge, at most 14 along either axis', () => {
    const { side, columns, rows } = windowsOver({ width: 5490, height: 1000 }, 12)
    expect(side).toBe(128)
    expect(columns).toHaveLength(14)
    expect([columns[0], columns[13]]).toEqual([12, 5490 - 12 - 128])
    // (1000 - 24) / 128 = 7.6
    expect(rows).toEqual([12, 153, 294, 436, 577, 718, 860])
  })

  test('are smaller over an image in which few would fit, and none in one that is smaller still', () => {
    expect(windowsOver({ width: 275, height: 275 }, 12)).toEqual({
      ...{ side: 64, columns: [12, 105, 199], rows: [12, 105, 199] },
    })
    expect(windowsOver({ width: 100, height: 600 }, 12).columns).toEqual([18])
    expect(windowsOver({ width: 80, height: 600 }, 12).columns).toEqual([])
  })

  test('lie within the image without touching, whatever its size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8000 }), fc.integer({ min: 1, max: 8000 }), (width, height) => {
        const { side, columns, rows } = windowsOver({ width, height }, 12)
        for (const [places, size] of [
          [columns, width],
          [rows, height],
        ] as const)
          places.forEach((place, i) => {
            expect(place).toBeGreaterThanOrEqual(12)
            expect(place + side).toBeLessThanOrEqual(size - 12)
            if (i > 0) expect(place - places[i - 1]!).toBeGreaterThanOrEqual(side)
          })
      }),
    )
  })
})

describe('what windows say together', () => {
  const at = (columns: number, rows: number) => ({ columns, rows })

  test('is the mean of those that lie close together; others and those without a shift do not count', () => {
    const said = agreeOn([at(0.5, -0.2), at(NaN, NaN), at(0.7, -0.2), at(5, 5), at(0.6, -0.05), at(-3, 1)])
    expect(said?.agreeing).toBe(3)
    expect(said?.columns).toBeCloseTo(0.6, 12)
    expect(said?.rows).toBeCloseTo(-0.15, 12)
    // (0.1^2 + 0.05^2) + (0.1^2 + 0.05^2) + 0.1^2 = 0.035
    expect(said?.residual).toBeCloseTo(Math.sqrt(0.035 / 3), 12)
  })

  test('is nothing where no window found a shift', () => {
    expect(agreeOn([])).toBeNull()
    expect(agreeOn([at(NaN, NaN)])).toBeNull()
  })

  test('holds most windows near it, and all of them where they are alike', () => {
    const shift = fc.double({ min: -8, max: 8, noNaN: true })
    fc.assert(
      fc.property(fc.array(fc.tuple(shift, shift), { minLength: 1, maxLength: 40 }), shift, (pairs, far) => {
        const windows = pairs.map(([columns, rows]) => at(columns, rows))
        const said = agreeOn(windows)!
        expect(said.agreeing).toBeGreaterThanOrEqual(1)
        expect(said.residual).toBeLessThanOrEqual(2 * AGREEMENT)
        const alike = agreeOn(windows.map(() => at(far, -far)))!
        expect(alike.agreeing).toBe(windows.length)
        expect(alike.columns).toBeCloseTo(far, 9)
      }),
    )
  })
})

test('cells whose blue rises above the clearest tenth are cloud, and so is the ring around them', () => {
  const grid = { width: 5, height: 4 }
  const [toa, reference] = [new Float32Array(20).fill(0.14), new Float32Array(20).fill(0.05)]
  toa[7] = 0.2 // column 2, row 1: rises by 0.15, the others by 0.09
  toa[0] = 0.125 // within 0.04 of the clearest
  reference[19] = NaN
  // prettier-ignore
  expect([...clearBeside(grid, toa, reference)]).toEqual([
    1, 0, 0, 0, 1,
    1, 0, 0, 0, 1,
    1, 0, 0, 0, 1,
    1, 1, 1, 1, 0,
  ])
})
