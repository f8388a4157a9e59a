import { expect, test } from 'vitest'
import { measureOverload } from '../../bench/overload.js'
import { makeLimitedGroup } from '../../bench/overload/limited-group.js'

// A size at which no time means anything: steps read every byte that they expect, and all that were begun end or are given up.
test('the benchmark of overload runs eager steps within limits, or says why it cannot', async ({ skip }) => {
  const result = await measureOverload({
    ...{ rounds: 1, steps: 3, memoryMb: 512, readMbS: 64, fileMb: 4, walks: 2, holdMb: 8 },
    ...{ fixed: [2], dir: null, showProgress: false },
  })
  if (result.skipped !== null) {
    expect(result.skipped).not.toBe('')
    skip(result.skipped)
  } else {
    expect(result.cases.map(({ fixed }) => fixed)).toEqual([2, null])
    for (const { stepsAMinute, unfinished, kills } of result.cases) {
      expect(stepsAMinute).toBeGreaterThan(0)
      expect([unfinished, kills]).toEqual([0, 0])
    }
    expect(result.ratio).toBeGreaterThan(0)
  }
})

test('where reads of a folder cannot be limited it is skipped with the reason, and nothing is left', () => {
  const told = makeLimitedGroup('tilth-test-no-disk', { memoryMb: 512, readMbS: 64, folder: '/proc' })
  expect(told).toMatch(/only root may|lies on no disk/)
})
