import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Whole runs of the program take minutes: begun last, one would still run when all others are done. */
class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const isLong = ({ moduleId }: TestSpecification) => /\/test\/(e2e|bench)\//.test(moduleId)
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))]
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/setup.ts'],
    sequence: { sequencer: LongFirst },
    // Against hanging, not against a slow machine: what matters in time is measured by the test itself.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    // gdal-async can be loaded by one thread of a process only, so each test file gets its own process.
    pool: 'forks',
    // Two for each processor of the smallest machine: tests wait for processes, servers and clocks a third of their time, and two or three of the longest do so for minutes.
    maxWorkers: 4,
  },
})
