import { expect, test } from 'vitest'
import { measureScale } from '../../bench/scale.js'

// Sizes at which no time means anything: a tick that does not make just the steps that are wanted throws, and so does a schedule that fails.
test('the benchmark of scale makes each new step once in every tick, and measures memory', async () => {
  const { measurements } = await measureScale({
    ...{
      rounds: 2,
      sites: 30,
      acquisitions: 600,
      steps: 2000,
      fresh: 12,
      memorySeconds: 2,
      showProgress: false,
    },
  })
  const ticks = measurements.filter(({ name }) => name.startsWith('tick: '))
  expect(ticks.map(({ name }) => name)).toEqual([
    'tick: nothing new',
    'tick: one new acquisition',
    'tick: 12 new acquisitions',
    'tick: 12 new L2A products',
  ])
  for (const { value, worst, goal, isMet } of measurements) {
    expect(value).toBeGreaterThan(0)
    expect(worst).toBeGreaterThanOrEqual(value)
    expect(isMet).toBe(goal === null || value <= goal)
  }
})
