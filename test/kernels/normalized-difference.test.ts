import fc from 'fast-check'
import { expect, test } from 'vitest'
import { normalizedDifference } from '../../src/kernels/normalized-difference.js'
import { normalizedDifferencePlain } from '../../src/kernels/reference.js'

const NO_DATA = -32768
const pixel = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -300, max: 12_000 }) },
  { weight: 2, arbitrary: fc.integer({ min: -32_768, max: 32_767 }) },
  { weight: 1, arbitrary: fc.constant(NO_DATA) },
)
// 0..67 crosses every vector width in use and its tails.
const bands = fc.array(fc.tuple(pixel, pixel), { maxLength: 67 })
const indexOf = (pixels: readonly (readonly [number, number])[], minSum: number): Int16Array => {
  const out = new Int16Array(pixels.length)
  const [a, b] = [Int16Array.from(pixels, ([x]) => x), Int16Array.from(pixels, ([, y]) => y)]
  normalizedDifference({ a, b, noData: NO_DATA, minSum, out })
  return out
}

test('stays in [-10000, 10000], changes sign when the bands are swapped, and has no-data where either has or both are dark', () => {
  fc.assert(
    fc.property(bands, fc.integer({ min: 1, max: 500 }), (pixels, minSum) => {
      const there = indexOf(pixels, minSum)
      const back = indexOf(
        pixels.map(([x, y]) => [y, x] as const),
        minSum,
      )
      there.forEach((value, i) => {
        const [x, y] = pixels[i]!
        const isDark = Math.max(x, 0) + Math.max(y, 0) < minSum
        expect(value === NO_DATA).toBe(x === NO_DATA || y === NO_DATA || isDark)
        if (value === NO_DATA) return
        expect(Math.abs(value)).toBeLessThanOrEqual(10_000)
        expect(back[i]! + 0).toBe(-value + 0)
      })
    }),
  )
})

test('is the ratio of real numbers to half a stored unit, and the plain reference to the last bit', () => {
  fc.assert(
    fc.property(bands, (pixels) => {
      const fast = indexOf(pixels, 1)
      const [a, b] = [Int16Array.from(pixels, ([x]) => x), Int16Array.from(pixels, ([, y]) => y)]
      const plain = new Int16Array(pixels.length)
      normalizedDifferencePlain({ a, b, noData: NO_DATA, minSum: 1, out: plain })
      expect(fast).toEqual(plain)
      fast.forEach((value, i) => {
        if (value === NO_DATA) return
        const [x, y] = [Math.max(a[i]!, 0), Math.max(b[i]!, 0)]
        expect(Math.abs(value - (10_000 * (x - y)) / (x + y))).toBeLessThanOrEqual(0.5)
      })
    }),
  )
})

test('arguments that make no sense are refused by name', () => {
  const a = new Int16Array(4)
  const good = { a, b: a, noData: NO_DATA, minSum: 1, out: new Int16Array(4) }
  expect(() => {
    normalizedDifference({ ...good, b: new Int16Array(3) })
  }).toThrow(/b: expected 4 elements or more, found 3/)
  expect(() => {
    normalizedDifference({ ...good, noData: 0 })
  }).toThrow(/noData/)
  expect(() => {
    normalizedDifference({ ...good, minSum: 0 })
  }).toThrow(/minSum/)
})
