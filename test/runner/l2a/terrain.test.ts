import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Grid } from '../../../src/domain/grid.js'
import { SLOPE_SCALE } from '../../../src/kernels/ground.js'
import { Budget } from '../../../src/runner/budget.js'
import { openKernelPool } from '../../../src/runner/kernel-pool.js'
import { prepareTerrain } from '../../../src/runner/l2a/terrain.js'
import { sharedData } from '../../support/cli.js'

const dem = join(sharedData, 'dem', 'Copernicus_DSM_COG_10_N00_00_E006_00_DEM.tif')
/** 10 x 10 km of volcano, UTM 32N. */
const volcano: Grid = {
  ...{ epsg: 32632, ulx: 222_000, uly: 33_000, pixelWidthM: 20, pixelHeightM: 20 },
  ...{ width: 500, height: 500 },
}
const angles = (step: number, value: number) => ({
  ...{ ulx: volcano.ulx, uly: volcano.uly, stepXM: step, stepYM: step, rows: 3, cols: 3 },
  ...{ zenith: new Float64Array(9).fill(value), azimuth: new Float64Array(9).fill(120) },
})

test.skipIf(!existsSync(dem))(
  'slopes of a real volcano hardly change by an error of 2 m, and become flatter where its relief is taken for error',
  async () => {
    const pool = await openKernelPool({ maxThreads: 2 })
    try {
      const of = (demErrorM: number) =>
        prepareTerrain(
          { sun: angles(5000, 30) },
          volcano,
          { dem, demErrorM, isCanopy: false, isDoubted: false },
          { pool, budget: new Budget(2) },
        )
      const [sharp, usual, blurred] = [await of(0), await of(2), await of(50)]
      const slope = ({ east, north }: typeof sharp, i: number) =>
        Math.hypot(east[i]!, north[i]!) / SLOPE_SCALE
      const mean = (terrain: typeof sharp, isTaken: (tangent: number) => boolean) => {
        let [n, sum] = [0, 0]
        for (let i = 0; i < sharp.east.length; i++)
          if (isTaken(slope(sharp, i))) [n, sum] = [n + 1, sum + slope(terrain, i)]
        expect(n).toBeGreaterThan(5000)
        return sum / n
      }
      const steep = (tangent: number) => tangent > 0.6
      expect(mean(usual, steep) / mean(sharp, steep)).toBeGreaterThan(0.98)
      expect(mean(blurred, steep) / mean(sharp, steep)).toBeLessThan(0.85)
      expect(usual.east).not.toEqual(sharp.east)
    } finally {
      await pool.close()
    }
  },
)
