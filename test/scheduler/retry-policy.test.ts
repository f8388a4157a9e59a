import fc from 'fast-check'
import { expect, test } from 'vitest'
import { retryDecision, type RetrySettings } from '../../src/scheduler/retry-policy.js'

const settings: fc.Arbitrary<RetrySettings> = fc.record({
  maxFailures: fc.integer({ min: 1, max: 100 }),
  backoffS: fc.double({ min: 0, max: 86_400, noNaN: true }),
  backoffMaxS: fc.double({ min: 0, max: 604_800, noNaN: true }),
})
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const passing = fc.constantFrom('transient' as const, 'resource' as const)

test('waits of 10 s, doubled, halved at most by jitter, and capped: worked by hand', () => {
  const s = { maxFailures: 10, backoffS: 10, backoffMaxS: 60 }
  const delay = (failures: number, r: number) => retryDecision('transient', 'WRITE_FAILED', failures, s, r)
  expect(delay(1, 0)).toEqual({ kind: 'retry', delayS: 5, memoryFactor: 1 }) // 10 x (0.5 + 0 / 2)
  expect(delay(1, 0.5)).toEqual({ kind: 'retry', delayS: 7.5, memoryFactor: 1 }) // 10 x (0.5 + 0.25)
  expect(delay(3, 0)).toEqual({ kind: 'retry', delayS: 20, memoryFactor: 1 }) // 10 x 2^2 x 0.5
  expect(delay(9, 0)).toEqual({ kind: 'retry', delayS: 30, memoryFactor: 1 }) // 60 x 0.5, not 2560 x 0.5
})

test('a permanent failure is never tried again, whatever the settings', () => {
  fc.assert(
    fc.property(settings, fc.integer({ min: 1, max: 1000 }), random, (s, failures, r) => {
      expect(retryDecision('permanent', 'METADATA_INVALID', failures, s, r)).toEqual({ kind: 'fail' })
    }),
  )
})

test('a passing failure is tried again exactly until its count reaches the limit', () => {
  fc.assert(
    fc.property(passing, settings, fc.integer({ min: 1, max: 1000 }), random, (kind, s, failures, r) => {
      const decision = retryDecision(kind, 'DISK_FULL', failures, s, r)
      expect(decision.kind).toBe(failures >= s.maxFailures ? 'quarantine' : 'retry')
    }),
  )
})

test('delays are finite, at most the longest wait, at least half of the full back-off, and grow with the count', () => {
  fc.assert(
    fc.property(passing, settings, fc.integer({ min: 1, max: 5000 }), random, (kind, s, failures, r) => {
      const many = { ...s, maxFailures: 10_000 }
      const now = retryDecision(kind, 'STEP_KILLED', failures, many, r)
      const next = retryDecision(kind, 'STEP_KILLED', failures + 1, many, r)
      if (now.kind !== 'retry' || next.kind !== 'retry') throw new Error('expected retries')
      expect(Number.isFinite(now.delayS)).toBe(true)
      expect(now.delayS).toBeLessThanOrEqual(s.backoffMaxS)
      expect(now.delayS).toBeGreaterThanOrEqual(Math.min(s.backoffS, s.backoffMaxS) / 2)
      expect(next.delayS).toBeGreaterThanOrEqual(now.delayS)
    }),
  )
})

test('only out of memory comes back with more memory', () => {
  const s = { maxFailures: 3, backoffS: 1, backoffMaxS: 1 }
  expect(retryDecision('resource', 'OUT_OF_MEMORY', 1, s, 0)).toMatchObject({ memoryFactor: 1.5 })
  expect(retryDecision('resource', 'DISK_FULL', 1, s, 0)).toMatchObject({ memoryFactor: 1 })
})

test('a product that is still being copied is not looked at again before it can have settled', () => {
  const s = { maxFailures: 3, backoffS: 10, backoffMaxS: 3600 }
  expect(retryDecision('transient', 'PRODUCT_COPYING', 1, s, 0)).toMatchObject({ kind: 'retry', delayS: 60 })
  expect(retryDecision('transient', 'RASTER_UNREADABLE', 1, s, 0)).toMatchObject({ kind: 'retry', delayS: 5 })
})
