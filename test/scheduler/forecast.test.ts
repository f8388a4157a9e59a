import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Caps } from '../../src/scheduler/admission.js'
import { forecast } from '../../src/scheduler/plan/forecast.js'

const caps = (over: Partial<Caps> = {}): Caps => ({
  bounds: () => [],
  lineage: () => [],
  threadsHint: () => 1,
  ...over,
})
const step = (id: number, cpuS: number, memoryMb = 100) => ({
  step: { id, processor: 'l2a', siteId: null, memoryMb },
  cpuS,
})
const capacity = { slots: 2, memoryMb: 1000 }

test('two slots, three equal steps: two at once, the third with both slots', () => {
  const found = forecast([], [step(1, 10), step(2, 10), step(3, 10)], capacity, caps())
  // 10 s for the pair, then 10 CPU seconds on two threads.
  expect(found.rows).toEqual([
    { id: 1, startS: 0, endS: 10, threads: 1 },
    { id: 2, startS: 0, endS: 10, threads: 1 },
    { id: 3, startS: 10, endS: 15, threads: 2 },
  ])
  expect(found).toMatchObject({ endS: 15, peakMemoryMb: 200, stuck: [] })
})

test('memory and caps serialise what slots would let run', () => {
  expect(forecast([], [step(1, 10, 600), step(2, 10, 600)], capacity, caps()).peakMemoryMb).toBe(600)
  const one = forecast(
    [],
    [step(1, 10), step(2, 10)],
    capacity,
    caps({ bounds: () => [{ cap: 1, site: null }] }),
  )
  expect(one.rows.map(({ startS }) => startS)).toEqual([0, 5])
})

test('running steps finish what is left of their work first', () => {
  const running = { step: { ...step(7, 0).step, threads: 1 }, cpuS: 4 }
  const found = forecast([running], [step(1, 4), step(2, 4)], capacity, caps())
  expect(found.rows.map(({ id, endS }) => [id, endS])).toEqual([
    [1, 4],
    [7, 4],
    [2, 6],
  ])
})

test('dates of a chain run one after the other, and leave their slot to others', () => {
  const chain = [step(1, 10), { ...step(2, 10), behind: 1 }, { ...step(3, 10), behind: 2 }]
  expect(forecast([], chain, capacity, caps()).rows.map(({ startS }) => startS)).toEqual([0, 5, 10])
  const both = forecast([], [...chain, step(4, 10)], capacity, caps())
  expect(both.rows.map(({ id, startS }) => [id, startS])).toEqual([
    [1, 0],
    [4, 0],
    [2, 10],
    [3, 15],
  ])
  // Behind one that has ended before: free.
  expect(forecast([], [{ ...step(5, 10), behind: 99 }], capacity, caps()).rows).toHaveLength(1)
})

test('the end is never before total work over slots, and never after the work one by one', () => {
  const steps = fc.array(
    fc.tuple(fc.double({ min: 0.1, max: 100, noNaN: true }), fc.integer({ min: 1, max: 900 })),
    {
      minLength: 1,
      maxLength: 40,
    },
  )
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 8 }), (drawn, slots) => {
      const waiting = drawn.map(([cpuS, memoryMb], i) => step(i + 1, cpuS, memoryMb))
      const work = drawn.reduce((sum, [cpuS]) => sum + cpuS, 0)
      const { rows, endS } = forecast([], waiting, { slots, memoryMb: 1000 }, caps())
      expect(rows).toHaveLength(drawn.length)
      expect(endS).toBeGreaterThanOrEqual(work / slots - 1e-6)
      expect(endS).toBeLessThanOrEqual(work + 1e-6)
    }),
  )
})
