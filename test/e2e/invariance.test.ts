import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { readL1cMetadata } from '../../src/products/sentinel2/read-l1c.js'
import { openRaster } from '../../src/raster/open-raster.js'
import { simulateL1c, type SimulatedProduct } from '../../src/simulator/simulate-l1c.js'
import { productFolder, temporaryFolder, tilth } from '../support/cli.js'
import { L2A_RASTERS_WITH_SLOPES } from '../support/l2a-files.js'

/** 1121 pixels of the finest bands: 9 blocks of 512, 4 of 1024, 1 of 2048; an odd number, so that no overview halves evenly. */
const PIXEL_M = 98

/** Three ways that differ in all that must not matter. Not a product of all values: one odd one out shows as well. */
const RUNS = [
  { name: '1 thread, blocks of 512, the best SIMD target', threads: 1, block: 512, simd: '' },
  { name: '2 threads, blocks of 1024, baseline', threads: 2, block: 1024, simd: 'baseline' },
  { name: '3 threads, blocks of 2048, avx2', threads: 3, block: 2048, simd: 'avx2' },
]
/** On another CPU than x86-64 with AVX2 only the baseline can be forced. */
const hasAvx2 = readFileSync('/proc/cpuinfo', 'utf8').includes(' avx2')

const folder = temporaryFolder('invariance')
let made: SimulatedProduct
let digests: ReadonlyMap<string, string>[]
let last = ''

const digestsOf = (path: string): ReadonlyMap<string, string> =>
  new Map(
    readdirSync(path)
      .filter((name) => name.endsWith('.tif'))
      .sort()
      .map((name) => [
        name,
        createHash('sha256')
          .update(readFileSync(join(path, name)))
          .digest('hex'),
      ]),
  )

beforeAll(async () => {
  made = await simulateL1c({
    tile: '31TCJ',
    date: '2025-06-14',
    outDir: folder,
    pixelSizeM: PIXEL_M,
    baseline: '05.11',
    withTci: false,
  })
  digests = []
  for (const { threads, block, simd } of RUNS) {
    const out = join(folder, `${threads}-${block}`)
    const simdTarget = simd === 'avx2' && !hasAvx2 ? 'baseline' : simd
    const result = await tilth(
      [
        ...['l2a', made.safePath, '--out', out, '--dem', join(made.truthDir, 'DEM.tif'), '--quiet'],
        ...['--threads', `${threads}`, '--block-size', `${block}`],
      ],
      simdTarget === '' ? {} : { TILTH_SIMD: simdTarget },
    )
    expect(result.exitCode, result.stderr).toBe(0)
    last = productFolder(out)
    digests.push(digestsOf(last))
  }
})

describe('a tile of 1121 x 1121 pixels that several detectors saw, with relief', () => {
  test('is what it is said to be: many blocks, at least three detectors, altitudes that change the pressure', async () => {
    const l1c = await readL1cMetadata(made.safePath)
    expect(l1c.bands.B02?.grid.width).toBe(1121)
    const mask = await openRaster(l1c.bands.B02!.footprint.path)
    const seen = new Uint8Array(mask.width * mask.height)
    await mask.read(0, { x: 0, y: 0, width: mask.width, height: mask.height }, seen)
    mask.close()
    const detectors = new Set(seen)
    detectors.delete(0)
    expect(detectors.size).toBeGreaterThanOrEqual(3)
    const report = JSON.parse(readFileSync(join(last, 'report.json'), 'utf8')) as {
      parameters: unknown
    }
    expect(JSON.stringify(report.parameters)).toContain('DEM.tif')
    const dem = await openRaster(join(made.truthDir, 'DEM.tif'))
    const heights = new Int16Array(dem.width * dem.height)
    await dem.read(0, { x: 0, y: 0, width: dem.width, height: dem.height }, heights)
    dem.close()
    const known = heights.filter((z) => z !== -32768)
    const range =
      known.reduce((a, z) => Math.max(a, z), -Infinity) - known.reduce((a, z) => Math.min(a, z), Infinity)
    expect(range).toBeGreaterThan(200)
  })

  test('has the same bytes in every file for any threads, block size and SIMD target', () => {
    const [first, ...others] = digests
    expect([...(first ?? new Map<string, string>()).keys()]).toEqual(L2A_RASTERS_WITH_SLOPES)
    others.forEach((other, i) => {
      expect([...other], `${RUNS[i + 1]?.name ?? ''} against ${RUNS[0]?.name ?? ''}`).toEqual([
        ...(first ?? []),
      ])
    })
  })
})
