import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // gdal-async can be loaded by one thread of a process only, so each test file gets its own process.
    pool: 'forks',
    maxWorkers: 2,
  },
})
