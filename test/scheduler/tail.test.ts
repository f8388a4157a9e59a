import { describe, expect, test } from 'vitest'
import type { Caps } from '../../src/scheduler/admission.js'
import { simulate, type SimulatedStep } from '../support/simulate-queue.js'

/** As the rows processor.l2a.max_parallelism and .tile_threads_hint would make them. */
const caps = (parallel: number, hint: number): Caps => ({
  bounds: () => (parallel > 0 ? [{ cap: parallel, site: null }] : []),
  lineage: () => [],
  threadsHint: () => hint,
})
const tiles = (works: readonly number[]): SimulatedStep[] =>
  works.map((lasts, i) => ({ id: i + 1, processor: 'l2a', siteId: null, memoryMb: 100, lasts }))
const equal = Array<number>(9).fill(60)
/** Amdahl's law: 9 % of a step cannot be shared, as 128.9 s of CPU in 70.2 s on two threads say (docs/performance.md, one full tile). */
const amdahl = (threads: number) => 1 / (0.09 + 0.91 / threads)

describe.each([
  ['automatic, hint 4', caps(0, 4)],
  ['automatic, hint 1', caps(0, 1)],
  ['two at once, hint 1', caps(2, 1)],
  ['two at once, hint 4', caps(2, 4)],
])('the tail on two slots, %s', (_, limits) => {
  const ratio = (works: readonly number[]) => {
    const { endS, busyS } = simulate(tiles(works), { slots: 2, memoryMb: 10_000 }, limits, amdahl)
    // No slot is ever idle while a step runs.
    expect(busyS).toBeCloseTo(2 * endS, 6)
    return endS / (works.reduce((a, b) => a + b, 0) / 2)
  }

  test('nine equal tiles end within 1.1 x the ideal', () => {
    expect(ratio(equal)).toBeLessThanOrEqual(1.1)
  })

  test('with one four times longer, wherever it stands in the queue, within 1.15 x', () => {
    for (let place = 0; place < 9; place++)
      expect(ratio(equal.map((lasts, i) => (i === place ? 4 * lasts : lasts)))).toBeLessThanOrEqual(1.15)
  })
})

test('the last of many tiles has all slots of a large host', () => {
  const works = [...Array<number>(40).fill(60), 600]
  const { endS } = simulate(tiles(works), { slots: 40, memoryMb: 100_000 }, caps(40, 1), (threads) => threads)
  const ideal = works.reduce((a, b) => a + b, 0) / 40
  expect(endS).toBeCloseTo(ideal, 6)
})
