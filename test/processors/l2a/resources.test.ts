import { expect, test } from 'vitest'
import { l2a } from '../../../src/processors/l2a/definition.js'

/** Four bands of 10 m, six of 20 m and three of 60 m on a full tile. */
const FULL_TILE = { pixels: 4 * 10_980 ** 2 + 6 * 5490 ** 2 + 3 * 1830 ** 2, bands: 13 }
const DEM = { dem: '/dem.tif', slopes: 'lambert' }

test.each([
  // Peaks of the process tree with two threads, MiB: `tilth bench l2a`, 31TCJ of 10 m pixels, baseline 02.09 (docs/performance.md).
  ['without DEM and light from beside', { adjacency: false }, 1184],
  ['with both, busy machine', DEM, 1615],
  ['with both, quiet machine', DEM, 1476],
])('what a full tile %s declares is a tenth above what was measured', (_, params, measuredMb) => {
  const { memoryMb } = l2a.resources({ ...FULL_TILE, threads: 2 }, params)
  expect(memoryMb).toBeGreaterThanOrEqual(1.1 * measuredMb)
  // Nor half as much again as the worst of its kind: memory declared in vain is steps that do not run.
  expect(memoryMb).toBeLessThan(1.5 * measuredMb)
})

test.each([
  // Of the process, MiB: 31TCJ of 60 m pixels, baseline 05.11, blocks of 1024.
  ['level, one thread', 1, {}, 721],
  ['level, two', 2, {}, 813],
  ['DEM, one', 1, DEM, 969],
  ['DEM, two', 2, DEM, 1082],
  ['DEM and uncertainty, one', 1, { ...DEM, adjacency: false, uncertainty: true }, 1071],
])('a tile of large pixels declares at least what it took: %s', (_, threads, params, measuredMb) => {
  const pixels = 4 * 1830 ** 2 + 6 * 915 ** 2 + 3 * 305 ** 2
  const { memoryMb } = l2a.resources({ pixels, bands: 13, threads }, params)
  expect(memoryMb).toBeGreaterThanOrEqual(measuredMb)
  expect(memoryMb).toBeLessThan(1.3 * measuredMb)
})

test('DEM, light from beside, layers and threads each declare more', () => {
  const memoryOf = (params: object, threads = 2) =>
    l2a.resources({ ...FULL_TILE, threads }, params as Record<string, unknown>).memoryMb
  expect(memoryOf({ ...DEM, slopes: 'none' })).toBeGreaterThan(memoryOf({}))
  expect(memoryOf(DEM)).toBeGreaterThan(memoryOf({ ...DEM, slopes: 'none' }))
  expect(memoryOf({})).toBeGreaterThan(memoryOf({ adjacency: false }))
  expect(memoryOf({}, 3)).toBeGreaterThan(memoryOf({}))
})
