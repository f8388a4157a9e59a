import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { measureTail } from '../../bench/tail.js'

// A size at which no time means anything: a job that does not succeed with all its steps throws.
test('the benchmark of the tail runs both jobs to their end and measures wall and CPU time apart', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'tilth tail-'))
  try {
    const cases = await measureTail({
      ...{ rounds: 1, tiles: 2, dir, pixelSizeM: 1000, isTuning: false, showProgress: false },
    })
    expect(cases.map(({ tiles }) => tiles)).toEqual(['2 equal', '1 equal, the last 4 x'])
    for (const { wallS, cpuS, idealS, ratio, goal, isMet } of cases) {
      expect(wallS).toBeGreaterThan(0)
      expect(idealS).toBeCloseTo(cpuS / 2, 9)
      expect(ratio).toBeCloseTo(wallS / idealS, 9)
      expect(isMet).toBe(ratio <= goal)
    }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})
