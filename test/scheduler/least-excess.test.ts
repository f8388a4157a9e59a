import fc from 'fast-check'
import { expect, test } from 'vitest'
import { leastExcess } from '../../src/scheduler/least-excess.js'

test.each([
  [[3, 5], 4, 1], // 5
  [[3, 5], 8, 0], // 3 + 5
  [[3, 5], 6, 2], // 3 + 5
  [[3, 5], 9, -1],
  [[], 1, -1],
  [[4, 4, 4], 5, 3], // 4 + 4
])('%j over %d by %d', (parts, target, excess) => {
  expect(leastExcess(parts, target)).toBe(excess)
})

test('agrees with trying every subset', () => {
  const part = fc.integer({ min: 0, max: 50 })
  fc.assert(
    fc.property(fc.array(part, { maxLength: 9 }), fc.integer({ min: 1, max: 200 }), (parts, target) => {
      const sums = Array.from({ length: 2 ** parts.length }, (_, mask) =>
        parts.reduce((sum, p, i) => sum + ((mask >> i) & 1 ? p : 0), 0),
      ).filter((sum) => sum >= target)
      expect(leastExcess(parts, target)).toBe(sums.length === 0 ? -1 : Math.min(...sums) - target)
    }),
  )
})

test('with too many different sums it says the least that can be, soon', () => {
  const parts = Array.from({ length: 64 }, (_, i) => 1000 + 7 ** (i % 9) + i)
  const started = performance.now()
  expect(leastExcess(parts, 30_000_000)).toBeGreaterThanOrEqual(0)
  expect(performance.now() - started).toBeLessThan(500)
})
