import { expect, test } from 'vitest'
import { measureSlurm } from '../../bench/slurm.js'
import { slurmObstacle } from '../../bench/slurm/cluster.js'

const obstacle = slurmObstacle()

// A size at which no time means anything: a job that does not succeed throws.
test.skipIf(obstacle !== null)(
  `the benchmark of Slurm runs bare elements and steps to their end and compares them${obstacle === null ? '' : ` (${obstacle})`}`,
  async () => {
    const result = await measureSlurm({ rounds: 1, steps: 4, showProgress: false })
    expect(result).toMatchObject({ steps: 4, rounds: 1, elements: [4, 1] })
    expect(result.bareS).toBeGreaterThan(0)
    expect(result.ratioFirst).toBeCloseTo(result.firstS / result.bareS, 9)
    expect(result.ratioLater).toBeCloseTo(result.laterS / result.bareS, 9)
  },
  120_000,
)
