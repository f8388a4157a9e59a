import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Grid } from '../../../src/domain/grid.js'
import { surfacePressure } from '../../../src/runner/l2a/elevation.js'
import { sharedData } from '../../support/cli.js'

const dem = join(sharedData, 'dem', 'Copernicus_DSM_COG_10_N00_00_E006_00_DEM.tif')
/** 24 x 24 km over Sao Tome, UTM 32N. */
const island: Grid = {
  epsg: 32632,
  ulx: 216_000,
  uly: 45_000,
  pixelWidthM: 60,
  pixelHeightM: 60,
  width: 400,
  height: 400,
}

test('without a DEM the whole image is at sea level', async () => {
  const pressure = await surfacePressure(island, null)
  expect(pressure.grid).toBeNull()
  expect(pressure.nodesHpa).toHaveLength(1)
  expect(pressure.nodesHpa[0]).toBeCloseTo(1013.25, 6)
})

test.skipIf(!existsSync(dem))(
  'a real DEM in degrees gives falling pressure with height, nodes ascending around it',
  async () => {
    const { grid, nodesHpa, heights } = await surfacePressure(island, dem)
    expect(heights!.maxM).toBeGreaterThan(1000)
    expect(heights!.maxM).toBeLessThan(2100) // Pico de Sao Tome: 2024 m
    expect([...nodesHpa].sort((a, b) => a - b)).toEqual([...nodesHpa])
    let [low, high] = [Infinity, -Infinity]
    for (const hpa of grid!.hpa) {
      low = Math.min(low, hpa)
      high = Math.max(high, hpa)
    }
    // 1013.25 (1 - 2.25577e-5 z)^5.25588 at the highest pixel
    expect(low).toBeCloseTo(1013.25 * (1 - 2.25577e-5 * heights!.maxM) ** 5.25588, 2)
    expect(nodesHpa[0]).toBeLessThanOrEqual(low + 0.01)
    expect(nodesHpa.at(-1)).toBeGreaterThanOrEqual(high - 0.01)
  },
)

test.skipIf(!existsSync(dem))('a DEM that does not touch the image is refused with its name', async () => {
  await expect(surfacePressure({ ...island, epsg: 32655 }, dem)).rejects.toMatchObject({
    code: 'BAD_ARGUMENT',
    message: expect.stringContaining('no value anywhere') as unknown,
  })
})
