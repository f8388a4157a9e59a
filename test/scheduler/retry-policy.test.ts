import fc from 'fast-check'
import { expect, test } from 'vitest'
import { retryDecision, type RetrySettings } from '../../src/scheduler/retry-policy.js'

const settings: fc.Arbitrary<RetrySettings> = fc.record({
  maxFailures: fc.integer({ min: 1, max: 100 }),
  backoffS: fc.double({ min: 0, max: 86_400, noNaN: true }),
  backoffMaxS: fc.double({ min: 0, max: 604_800, noNaN: true }),
})
const given = { grantedMb: 100, blockShrink: 0, executorMb: 1000 }
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const passing = fc.constantFrom('transient' as const, 'resource' as const)

test('waits of 10 s, doubled, halved at most by jitter, and capped: worked by hand', () => {
  const s = { maxFailures: 10, backoffS: 10, backoffMaxS: 60 }
  const delay = (failures: number, r: number) =>
    retryDecision('transient', 'WRITE_FAILED', failures, s, r, given)
  expect(delay(1, 0)).toEqual({ kind: 'retry', delayS: 5 }) // 10 x (0.5 + 0 / 2)
  expect(delay(1, 0.5)).toEqual({ kind: 'retry', delayS: 7.5 }) // 10 x (0.5 + 0.25)
  expect(delay(3, 0)).toEqual({ kind: 'retry', delayS: 20 }) // 10 x 2^2 x 0.5
  expect(delay(9, 0)).toEqual({ kind: 'retry', delayS: 30 }) // 60 x 0.5, not 2560 x 0.5
})

test('a permanent failure is never tried again, whatever the settings', () => {
  fc.assert(
    fc.property(settings, fc.integer({ min: 1, max: 1000 }), random, (s, failures, r) => {
      expect(retryDecision('permanent', 'METADATA_INVALID', failures, s, r, given)).toEqual({ kind: 'fail' })
    }),
  )
})

test('a passing failure is tried again exactly until its count reaches the limit', () => {
  fc.assert(
    fc.property(passing, settings, fc.integer({ min: 1, max: 1000 }), random, (kind, s, failures, r) => {
      const decision = retryDecision(kind, 'DISK_FULL', failures, s, r, given)
      expect(decision.kind).toBe(failures >= s.maxFailures ? 'quarantine' : 'retry')
    }),
  )
})

test('delays are finite, at most the longest wait, at least half of the full back-off, and grow with the count', () => {
  fc.assert(
    fc.property(passing, settings, fc.integer({ min: 1, max: 5000 }), random, (kind, s, failures, r) => {
      const many = { ...s, maxFailures: 10_000 }
      const now = retryDecision(kind, 'STEP_KILLED', failures, many, r, given)
      const next = retryDecision(kind, 'STEP_KILLED', failures + 1, many, r, given)
      if (now.kind !== 'retry' || next.kind !== 'retry') throw new Error('expected retries')
      expect(Number.isFinite(now.delayS)).toBe(true)
      expect(now.delayS).toBeLessThanOrEqual(s.backoffMaxS)
      expect(now.delayS).toBeGreaterThanOrEqual(Math.min(s.backoffS, s.backoffMaxS) / 2)
      expect(next.delayS).toBeGreaterThanOrEqual(now.delayS)
    }),
  )
})

test('memory that ran out: half as much again up to the executor, then smaller blocks, then quarantine that says so', () => {
  const s = { maxFailures: 9, backoffS: 1, backoffMaxS: 1 }
  const after = (grantedMb: number, blockShrink: number, failures = 1, code = 'OUT_OF_MEMORY') =>
    retryDecision('resource', code, failures, s, 0, { grantedMb, blockShrink, executorMb: 4000 })
  expect(after(1001, 0)).toMatchObject({ memory: { floorMb: 1502, blockShrink: 0 } })
  expect(after(3000, 0, 1, 'MEMORY_LIMIT')).toMatchObject({ memory: { floorMb: 4000, blockShrink: 0 } })
  expect(after(4000, 0)).toMatchObject({ memory: { floorMb: 4000, blockShrink: 1 } })
  expect(after(4000, 1)).toMatchObject({ memory: { floorMb: 4000, blockShrink: 2 } })
  expect(after(4000, 2)).toMatchObject({
    kind: 'quarantine',
    note: expect.stringContaining("4000 of the executor's 4000 MiB and blocks halved twice") as string,
  })
  // The last attempt that there is has more memory and smaller blocks.
  expect(after(1000, 0, 8)).toMatchObject({ memory: { floorMb: 1500, blockShrink: 1 } })
  expect(after(1500, 1, 9)).toMatchObject({
    kind: 'quarantine',
    note: expect.stringContaining('up to 1500') as string,
  })
  // Where nobody knows how much there is, it is raised as long as there are attempts.
  const unknown = { grantedMb: 9000, blockShrink: 0, executorMb: Infinity }
  // Less than a correction says that it needs is memory that ran out, only sooner.
  expect(after(1000, 0, 1, 'MEMORY_TOO_SMALL')).toEqual(after(1000, 0))
  expect(retryDecision('resource', 'OUT_OF_MEMORY', 1, s, 0, unknown)).toMatchObject({
    memory: { floorMb: 13_500, blockShrink: 0 },
  })
  expect(retryDecision('resource', 'OUT_OF_MEMORY', 9, s, 0, unknown)).toMatchObject({
    note: expect.stringContaining('Tried with up to 9000 MiB: it needs') as string,
  })
  expect(after(1000, 0, 1, 'DISK_FULL')).not.toHaveProperty('memory')
})

test('a product that is still being copied is not looked at again before it can have settled', () => {
  const s = { maxFailures: 3, backoffS: 10, backoffMaxS: 3600 }
  expect(retryDecision('transient', 'PRODUCT_COPYING', 1, s, 0, given)).toMatchObject({
    kind: 'retry',
    delayS: 60,
  })
  expect(retryDecision('transient', 'RASTER_UNREADABLE', 1, s, 0, given)).toMatchObject({
    kind: 'retry',
    delayS: 5,
  })
})
