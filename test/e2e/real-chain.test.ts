import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { MASK_BITS } from '../../src/domain/mask-bits.js'
import gdal from '../../src/raster/gdal.js'
import { hasSharedData, productFolder, sharedData, temporaryFolder, tilth } from '../support/cli.js'

const DATES = join(sharedData, 'landsat-l1-crops')

function pixelsOf(path: string): Float32Array {
  const dataset = gdal.open(path)
  const { x, y } = dataset.rasterSize
  const pixels = Float32Array.from(dataset.bands.get(1).pixels.read(0, 0, x, y) as ArrayLike<number>)
  dataset.close()
  return pixels
}

/** Reflectance at the sensor, not divided by the sine of the sun's elevation. */
function toa(date: string, band: string): Float32Array {
  const file = readdirSync(join(DATES, date)).find((name) => name.endsWith(`_${band}.TIF`)) ?? ''
  return pixelsOf(join(DATES, date, file)).map((dn) => 2e-5 * dn - 0.1)
}

describe.skipIf(!hasSharedData)('two real Landsat-8 dates as a chain', () => {
  const out = temporaryFolder('real-chain')
  test('the plume of a fire in the second is cloud; smoke over all of it and fresh fire scars are not', async () => {
    const run = async (name: string, ...more: string[]): Promise<string> => {
      const into = join(out, name)
      const result = await tilth(['l2a', join(DATES, name), '--out', into, '--quiet', ...more])
      expect(result.exitCode, result.stderr).toBe(0)
      return productFolder(into)
    }
    const first = await run('corumba_20190809')
    const second = await run('corumba_20190825', '--previous', first, '--max-state-age', '30')
    const report = JSON.parse(readFileSync(join(second, 'report.json'), 'utf8')) as {
      chain: { mode: string; known_share: number }
      atmosphere: { aot: { origin: string; mean: number; found_share: number } }
    }
    expect(report.chain).toMatchObject({ mode: 'nominal' })
    expect(report.chain.known_share).toBeGreaterThan(0.9)
    // Smoke lies over all of it, twice the AOT of the date before: air, and no cloud.
    expect(report.atmosphere.aot).toMatchObject({ origin: 'image' })
    expect(report.atmosphere.aot.found_share).toBeGreaterThan(0.5)
    expect(report.atmosphere.aot.mean).toBeGreaterThan(0.4)
    const mask = pixelsOf(join(second, 'MASK.tif'))
    const cloud = 1 << MASK_BITS.cloud
    const [inside, outside] = [1 << MASK_BITS.shadowInside, 1 << MASK_BITS.shadowOutside]
    const shareOf = (bits: number, isOf: (i: number) => boolean) => {
      const found = mask.filter((_, i) => isOf(i)).map((value) => ((value & bits) === 0 ? 0 : 1))
      return { pixels: found.length, share: found.reduce((a, b) => a + b, 0) / found.length }
    }
    // From the L1 images alone: what is bright in blue is the plume above a fire; where two fifths of the near infrared have gone and blue is dark, it has burnt.
    const blue = toa('corumba_20190825', 'B2')
    const [before, after] = [toa('corumba_20190809', 'B5'), toa('corumba_20190825', 'B5')]
    const plume = shareOf(cloud, (i) => blue[i]! > 0.11)
    const isScar = (i: number) => after[i]! < 0.6 * before[i]! && blue[i]! < 0.11
    expect(plume.pixels).toBeGreaterThan(1000)
    expect(plume.share).toBeGreaterThan(0.5)
    const scars = shareOf(cloud | inside, isScar)
    expect(scars.pixels).toBeGreaterThan(0.2 * mask.length)
    expect(scars.share).toBeLessThan(0.01)
    // At the border some are as dark as shadows of clouds beyond it: 2 % measured.
    expect(shareOf(outside, isScar).share).toBeLessThan(0.05)
    expect(shareOf(cloud, () => true).share).toBeLessThan(0.01)
  })
})
