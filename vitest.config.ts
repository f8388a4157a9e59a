import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/setup.ts'],
    // Against hanging, not against a slow machine: what matters in time is measured by the test itself.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    // gdal-async can be loaded by one thread of a process only, so each test file gets its own process.
    pool: 'forks',
    maxWorkers: 2,
  },
})
