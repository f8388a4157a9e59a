import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  compositeToFolder,
  type CompositeToFolderOptions,
} from '../../src/runner/composite/composite-to-folder.js'
import { makeL2aProduct, type InventedL2a } from './l2a-product.js'

export const FINE = ['B02', 'B03', 'B04', 'B08'] as const
export const COARSE = ['B05', 'B06', 'B07', 'B8A', 'B11', 'B12'] as const
export const NONE = 1 << 15
export const [CLOUD, SNOW, WATER] = [3, 1 << 8, 1 << 9]
export const DAY = '2025-06-15'

export const makeComposite = (
  inputs: readonly string[],
  out: string,
  more: Partial<CompositeToFolderOptions> = {},
) =>
  compositeToFolder({
    ...{ inputs, day: DAY, parameters: {}, threads: 2, blockSize: 1024, codec: 'deflate', force: false },
    ...{ signal: new AbortController().signal, onProgress: () => undefined, onNote: () => undefined },
    out,
    ...more,
  })
export const nameAt = (time: string, platform = 'S2A') => `${platform}_L2A_31TCJ_${time}_R051`
/** A date with one reflectance for all bands of 10 m, and another for those of 20 m, as a test needs them. */
export function makeDate(
  parent: string,
  name: string,
  size: number,
  fine: (x: number, y: number) => number,
  mask: (x: number, y: number) => number,
  more: Partial<InventedL2a> = {},
) {
  const coarse = (x: number, y: number) => fine(Math.min(2 * x, size - 1), Math.min(2 * y, size - 1))
  const files = Object.fromEntries([
    ...FINE.map((band, b) => [
      `${band}_sre.tif`,
      (x: number, y: number) => fine(x, y) + (fine(x, y) === -32768 ? 0 : b),
    ]),
    ...COARSE.map((band) => [`${band}_sre.tif`, coarse]),
  ]) as InventedL2a['files']
  return makeL2aProduct(parent, { name, size, files, mask, ...more })
}
export interface CompositeReport {
  readonly flags: string[]
  readonly notes: string[]
  readonly cloud_share: number
  readonly inputs: { name: string; detail: string }[]
  readonly composite: {
    dates: number
    dates_per_pixel: { min: number; mean: number; max: number; quantiles: object }
    class_shares: object
  }
}
export const reportOf = (folder: string) =>
  JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as CompositeReport
