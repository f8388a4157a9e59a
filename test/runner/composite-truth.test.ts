import { join } from 'node:path'
import { expect, test } from 'vitest'
import { archiveLimits } from '../../src/config/archive-limits.js'
import { correctToFolder } from '../../src/runner/l2a/correct-to-folder.js'
import { simulateL1c } from '../../src/simulator/simulate-l1c.js'
import { temporaryFolder } from '../support/cli.js'
import { makeComposite } from '../support/composites.js'
import { readPixels } from '../support/l2a-product.js'

const home = temporaryFolder('composite truth')

test('a composite of simulated dates is the weighted mean of their true reflectances: 95 % of the pixels within 0.01 at 10 and 20 m', async () => {
  const dates: { folder: string; truthDir: string; weight: number }[] = []
  for (const date of ['2025-06-04', '2025-06-14', '2025-06-24']) {
    const source = await simulateL1c({
      ...{ tile: '31TCJ', date, pixelSizeM: 300, seed: 3, baseline: '05.11', outDir: home, withTci: false },
    })
    const { folder, name } = await correctToFolder({
      ...{
        product: source.safePath,
        scratch: join(home, 'scratch'),
        archiveLimits: archiveLimits({}),
        previous: null,
      },
      ...{
        out: join(home, 'l2a'),
        parameters: { aot: 0.15, wv: 2, ozone: 300, adjacency: false },
        threads: 2,
        blockSize: 1024,
      },
      ...{ force: false, codec: 'deflate', signal: new AbortController().signal },
      onProgress: () => undefined,
      onNote: () => undefined,
    })
    const t = name.split('_')[3]!
    const ms = Date.parse(
      `${t.slice(0, 4)}-${t.slice(4, 6)}-${t.slice(6, 8)}T${t.slice(9, 11)}:${t.slice(11, 13)}:${t.slice(13)}Z`,
    )
    const weight = 1 - (Math.abs(ms - Date.parse('2025-06-15T12:00:00Z')) / 86_400_000 / 25) * 0.5
    dates.push({ folder, truthDir: source.truthDir, weight })
  }
  const made = await makeComposite(
    dates.map(({ folder }) => folder),
    join(home, 'out'),
  )
  const total = dates.reduce((sum, { weight }) => sum + weight, 0)
  for (const band of ['B02', 'B04', 'B08', 'B8A', 'B11']) {
    const truths = dates.map(({ truthDir }) => readPixels(join(truthDir, `${band}.tif`)).pixels)
    const errors: number[] = []
    readPixels(join(made.folder, `${band}.tif`)).pixels.forEach((value, i) => {
      const values = truths.map((pixels) => pixels[i]!)
      if (value === -32768 || values.includes(-32768)) return
      const mean = dates.reduce((sum, { weight }, k) => sum + weight * values[k]!, 0) / total
      errors.push(Math.abs(value - mean) / 10_000)
    })
    errors.sort((a, b) => a - b)
    expect(errors.length, band).toBeGreaterThan(band === 'B8A' || band === 'B11' ? 30_000 : 120_000)
    expect(errors[Math.floor(errors.length * 0.95)], band).toBeLessThan(0.01)
  }
})
