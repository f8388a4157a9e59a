import { join } from 'node:path'
import { blocksOf, type Grid, type Window } from '../../domain/grid.js'
import type { AtmosphereReport } from '../../products/report.js'
import { meanOf } from '../../processors/l2a/fields.js'
import type { FoundAtmosphere } from '../../processors/l2a/found-atmosphere.js'
import { vapourAboveGround } from '../../processors/l2a/above-sea-level.js'
import { PRODUCT_FILES } from '../../products/layout.js'
import { openBandWriter } from '../band-writer.js'
import { isNoDataOn, type WriteMasksInput } from './write-masks.js'
import { productGrids } from './product-grids.js'

const NO_DATA = -32768

/** AOT.tif and WV.tif (x 1000; g/cm2), both of the column above the ground: what pixels were corrected with, on the coarsest grid, bilinear between cells; no-data where some band has none. */
export async function writeAtmosphere(input: WriteMasksInput, { air }: FoundAtmosphere): Promise<void> {
  const { coarsest } = productGrids(input.scene)
  const layers = [
    {
      file: PRODUCT_FILES.aot,
      values: air.aot,
      unit: '1',
      description: 'Aerosol optical thickness at 550 nm above the ground',
    },
    {
      file: PRODUCT_FILES.wv,
      values: vapourAboveGround(air),
      unit: 'g/cm2',
      description: 'Water vapour of the column above the ground',
    },
  ]
  for (const { file, values, unit, description } of layers) {
    const writer = openBandWriter(input.pool, {
      ...{
        path: join(input.folder, file),
        grid: coarsest,
        dtype: 'int16',
        noData: NO_DATA,
        unit,
        description,
      },
      ...{ scale: 0.001, offset: 0, overview: 'average', codec: input.codec, metadata: {} },
    })
    for (const block of blocksOf(coarsest, input.blockSize)) {
      input.signal.throwIfAborted()
      const isEmpty = await isNoDataOn(input, coarsest, block)
      const stored = new Int16Array(new SharedArrayBuffer(block.width * block.height * 2))
      fillFromCells(stored, block, coarsest, air.grid, values)
      for (let i = 0; i < stored.length; i++) if (isEmpty[i] === 1) stored[i] = NO_DATA
      await writer.writeBlock(block, stored)
    }
    await writer.finish()
  }
}

/** Values of cells x 1000 at the centres of a block's pixels, bilinear, constant beyond the outermost centres of cells. */
export function fillFromCells(
  out: Int16Array,
  block: Window,
  image: Grid,
  cells: Grid,
  values: Float32Array,
): void {
  const place = (at: number, count: number): readonly [number, number, number] => {
    const inside = Math.min(Math.max(at - 0.5, 0), count - 1)
    const low = Math.floor(inside)
    return [low, Math.min(low + 1, count - 1), inside - low]
  }
  const columns = Array.from({ length: block.width }, (_, x) =>
    place((image.ulx + (block.x + x + 0.5) * image.pixelWidthM - cells.ulx) / cells.pixelWidthM, cells.width),
  )
  for (let y = 0; y < block.height; y++) {
    const north = cells.uly - image.uly + (block.y + y + 0.5) * image.pixelHeightM
    const [top, bottom, fy] = place(north / cells.pixelHeightM, cells.height)
    const at = (row: number, column: number) => values[row * cells.width + column] ?? NaN
    for (const [x, [left, right, fx]] of columns.entries()) {
      const upper = at(top, left) + fx * (at(top, right) - at(top, left))
      const lower = at(bottom, left) + fx * (at(bottom, right) - at(bottom, left))
      out[y * block.width + x] = Math.round(1000 * (upper + fy * (lower - upper)))
    }
  }
}

/** What the report says of the atmosphere. Columns above the ground; statistics are of cells, whether clouds hide them or not. */
export function reportOf({
  air,
  ozone,
  aerosol,
  origins,
  foundShare,
  residuals,
  evidence,
}: FoundAtmosphere): AtmosphereReport {
  const round = (value: number) => Math.round(value * 1e5) / 1e5
  const statistics = (values: Float32Array) => {
    const [min, max] = [
      values.reduce((a, b) => Math.min(a, b), Infinity),
      values.reduce((a, b) => Math.max(a, b), -Infinity),
    ]
    const mean = meanOf(values)
    return { min: round(min), mean: round(Math.min(Math.max(mean, min), max)), max: round(max) }
  }
  return {
    aot: { origin: origins.aot, ...statistics(air.aot), found_share: foundShare.aot },
    wv: { origin: origins.wv, ...statistics(vapourAboveGround(air)), found_share: foundShare.wv },
    ozone: { origin: origins.ozone, value: round(ozone) },
    aerosol: {
      origin: origins.aerosol,
      value: aerosol,
      residuals: Object.fromEntries(Object.entries(residuals).map(([name, value]) => [name, round(value)])),
      evidence: Object.fromEntries(
        Object.entries(evidence).map(([name, { windows, ratio, low, high }]) => [
          name,
          {
            ...{ windows, ratio: round(ratio) },
            ...{ low: low === null ? null : round(low), high: high === null ? null : round(high) },
          },
        ]),
      ),
    },
  }
}

/** Flags of the report: of each quantity that is not of the image all over. */
export function flagsOf({ origins, isDefault, foundShare }: FoundAtmosphere): string[] {
  const words = { parameter: 'given', auxiliary: 'auxiliary', default: 'default' } as const
  const flags: string[] = []
  for (const name of ['aot', 'wv', 'ozone', 'aerosol'] as const) {
    const origin = origins[name]
    if (origin !== 'image') flags.push(`${name}_${words[origin]}`)
  }
  const isPartial = origins.aot === 'image' && foundShare.aot > 0 && isDefault.includes(1)
  return isPartial ? [...flags, 'atmosphere_partly_default'] : flags
}
