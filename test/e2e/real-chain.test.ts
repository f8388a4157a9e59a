import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { MASK_BITS } from '../../src/domain/mask-bits.js'
import gdal from '../../src/raster/gdal.js'
import { hasSharedData, productFolder, sharedData, temporaryFolder, tilth } from '../support/cli.js'

const DATES = join(sharedData, 'landsat-l1-crops')

describe.skipIf(!hasSharedData)('two real Landsat-8 dates as a chain', () => {
  const out = temporaryFolder('real-chain')
  test('smoke over the second is seen by change; fresh fire scars, a third of the image, are not', async () => {
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
    }
    expect(report.chain).toMatchObject({ mode: 'nominal' })
    expect(report.chain.known_share).toBeGreaterThan(0.9)
    const dataset = gdal.open(join(second, 'MASK.tif'))
    const { x, y } = dataset.rasterSize
    const mask = Uint16Array.from(dataset.bands.get(1).pixels.read(0, 0, x, y) as ArrayLike<number>)
    dataset.close()
    const cloud = mask.reduce((n, bits) => n + ((bits >> MASK_BITS.cloud) & 1), 0) / mask.length
    expect(cloud).toBeGreaterThan(0.03)
    expect(cloud).toBeLessThan(0.13)
  }, 120_000)
})
