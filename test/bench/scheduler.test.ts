import { expect, test } from 'vitest'
import { measureScheduler } from '../../bench/scheduler.js'

// Sizes at which no time means anything: each part throws unless every step it began was completed.
test('the benchmark of the queue completes every step it begins, beside its peers, and measures each goal', async () => {
  const { settings, measurements } = await measureScheduler({
    rounds: 1,
    steps: 60,
    deepSteps: 2000,
    starts: 1,
    memorySeconds: 1,
    showProgress: false,
  })
  expect(settings).toMatchObject({ fsync: 'on', synchronous_commit: 'on' })
  expect(measurements).toHaveLength(7)
  for (const { ours, ratio, peer } of measurements) {
    expect(ours).toBeGreaterThan(0)
    if (peer !== null) expect(ratio).toBeGreaterThan(0)
  }
})
