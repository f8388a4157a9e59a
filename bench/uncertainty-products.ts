import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { archiveLimits } from '../src/config/archive-limits.js'
import { L2A_BANDS } from '../src/domain/band-choice.js'
import gdal from '../src/raster/gdal.js'
import { correctToFolder } from '../src/runner/l2a/correct-to-folder.js'
import { simulateL1c } from '../src/simulator/simulate-l1c.js'

/** Dates of the simulator, which shares no radiative transfer, gases or spectra of ground with the processor. */
const DATES = [
  { date: '2025-06-09', aot: 0.15 },
  { date: '2025-08-08', aot: 0.5 },
] as const
const NO_DATA = -32768

/** Of one band of one simulated date: clear pixels whose truth lies within one standard deviation, and errors, unit 1. */
export interface ProductCoverage {
  readonly aot: number
  readonly band: string
  readonly within: number
  readonly rms: number
  readonly sigma: number
}

/** Corrects simulated products with everything found in the image, and compares with their truth. Deterministic. */
export async function measureProducts(): Promise<ProductCoverage[]> {
  const home = mkdtempSync(join(tmpdir(), 'tilth-uncertainty-'))
  try {
    const all: ProductCoverage[] = []
    for (const { date, aot } of DATES) {
      const made = await simulateL1c({
        ...{ tile: '31TCJ', date, outDir: home, pixelSizeM: 600, baseline: '05.11' },
        ...{ withTci: false, aot, airVariation: 0.3 },
      })
      const { folder } = await correctToFolder({
        ...{ product: made.safePath, previous: null, force: true, codec: 'deflate' as const },
        ...{ signal: new AbortController().signal, threads: 2, blockSize: 1024 },
        ...{ onProgress: () => undefined, onNote: () => undefined, archiveLimits: archiveLimits({}) },
        ...{ scratch: join(home, 'scratch'), out: join(home, 'out') },
        // The simulator makes no light from beside unless it is asked to.
        parameters: { uncertainty: true, adjacency: false },
      })
      const mask = read(join(folder, 'MASK.tif'))
      for (const band of L2A_BANDS) {
        const [sre, sigma] = ['sre', 'sigma'].map((kind) => read(join(folder, `${band}_${kind}.tif`)))
        const truth = read(join(made.truthDir, `${band}.tif`))
        let [n, within, squares, variance] = [0, 0, 0, 0]
        for (const [i, value] of sre!.entries()) {
          if (value === NO_DATA || truth[i] === NO_DATA || (mask[i]! & 1) === 1) continue
          const error = (value - truth[i]!) / 10_000
          const own = sigma![i]! / 10_000
          n++
          if (Math.abs(error) <= own) within++
          squares += error ** 2
          variance += own ** 2
        }
        all.push({
          ...{ aot, band, within: within / n },
          ...{ rms: Math.sqrt(squares / n), sigma: Math.sqrt(variance / n) },
        })
      }
    }
    return all
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}

function read(path: string): Int32Array {
  const dataset = gdal.open(path)
  const { x, y } = dataset.rasterSize
  const values = new Int32Array(x * y)
  dataset.bands.get(1).pixels.read(0, 0, x, y, values)
  dataset.close()
  return values
}
