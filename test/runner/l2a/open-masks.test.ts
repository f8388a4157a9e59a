import { expect, test, vi } from 'vitest'
import type { Grid } from '../../../src/domain/grid.js'
import type { L1Scene, L1SceneBand } from '../../../src/domain/l1-scene.js'
import type { LandsatProduct } from '../../../src/domain/landsat.js'
import type { L1cBand } from '../../../src/domain/sentinel2.js'
import { openQualityFlags } from '../../../src/products/landsat/quality-flags.js'
import { openQualityMask } from '../../../src/products/sentinel2/quality-mask.js'
import { BlockBuffers } from '../../../src/runner/block-buffers.js'
import { Budget } from '../../../src/runner/budget.js'
import { BandInput } from '../../../src/runner/l2a/band-job.js'
import { FlagPlanes } from '../../../src/runner/l2a/flag-planes.js'
import { writeMasks, type WriteMasksInput } from '../../../src/runner/l2a/write-masks.js'

const opened: { readonly path: string; readonly close: () => void }[] = []
// Every raster can be opened but the broken one.
vi.mock('../../../src/raster/open-raster.js', () => ({
  openRaster: (path: string) => {
    if (path.includes('broken')) return Promise.reject(new Error(`${path} cannot be opened`))
    const reader = { path, bandCount: 1, close: vi.fn() }
    opened.push(reader)
    return Promise.resolve(reader)
  },
}))
vi.mock('../../../src/raster/check-jp2.js', () => ({ checkJp2: () => Promise.resolve(null) }))

const grid: Grid = { epsg: 32631, ulx: 0, uly: 0, pixelWidthM: 10, pixelHeightM: 10, width: 4, height: 4 }
const expectAllClosed = (count: number) => {
  expect(opened).toHaveLength(count)
  for (const one of opened.splice(0)) expect(one.close).toHaveBeenCalledOnce()
}
const mask = (path: string) => {
  const one = { path, read: vi.fn(), close: vi.fn() }
  opened.push(one)
  return one
}

test('quality of Landsat: the first band is closed where the second cannot be opened', async () => {
  const product = { pixelQuality: 'QA', saturation: 'broken', collection: 2, grid } as LandsatProduct
  await expect(openQualityFlags(product, grid)).rejects.toThrow('broken cannot be opened')
  expectAllClosed(1)
})

test('quality of Sentinel-2: all masks are closed where one cannot be opened', async () => {
  const quality = ['a.jp2', 'b.jp2', 'broken.jp2'].map((path) => ({ kind: 'jp2' as const, path }))
  await expect(openQualityMask({ quality, grid } as unknown as L1cBand)).rejects.toThrow('cannot be opened')
  expectAllClosed(2)
})

test('a band: detectors are closed where the lost pixels cannot be opened, and closing it says nothing new', async () => {
  const band = { id: 'B02', path: 'B02', grid, blockWidth: 512 } as L1SceneBand
  const scene = {
    openDetectors: () => Promise.resolve(mask('detectors')),
    openLost: () => Promise.reject(new Error('no lost pixels')),
  } as unknown as L1Scene
  const pool = {
    buffers: new BlockBuffers(),
    resample: () => Promise.reject(new Error('nothing is to be resampled')),
  }
  const input = new BandInput(scene, band, 512, { budget: new Budget(1), pool })
  await expect(input.read(0)).rejects.toThrow('no lost pixels')
  await input.close()
  expectAllClosed(1)
})

test('masks: that of the finest grid is closed where that of the classes cannot be opened', async () => {
  const [zenith, azimuth] = [new Float64Array(4).fill(30), new Float64Array(4)]
  let asked = 0
  const scene = {
    bands: [{ id: 'B02', grid }],
    classBand: 'B02',
    sun: { ulx: 0, uly: 0, stepXM: 5000, stepYM: 5000, rows: 2, cols: 2, zenith, azimuth },
    openMask: () => (asked++ === 0 ? Promise.resolve(mask('fine')) : Promise.reject(new Error('no classes'))),
  } as unknown as L1Scene
  const decided = { grid, bits: new Uint16Array(grid.width * grid.height) }
  const input = {
    scene,
    planes: new FlagPlanes(),
    terrain: null,
    ...{ cells: grid, finer: grid },
    decided,
    isDefaultAir: new Uint8Array(16),
  } as WriteMasksInput
  await expect(writeMasks(input)).rejects.toThrow('no classes')
  expectAllClosed(1)
})
