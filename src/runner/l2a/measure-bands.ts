import type { Grid, Window } from '../../domain/grid.js'
import type { L1Scene, L1SceneBand } from '../../domain/l1-scene.js'
import { cellsOfImage } from '../../processors/l2a/cells.js'
import {
  cellsUnder,
  isOfWholePixels,
  ToaSums,
  type ToaBand,
  type ToaCells,
} from '../../processors/l2a/toa-cells.js'
import type { Budget } from '../budget.js'
import { KERNEL_FLAGS, type KernelPool } from '../kernel-pool.js'
import { walkBlocks } from '../walk-blocks.js'
import { BandInput } from './band-job.js'
import type { BlockScratch } from './block-scratch.js'
import { PLANE_BITS, type FlagPlanes } from './flag-planes.js'

/** Where what is decoded goes for the second pass. */
export interface ForCorrection {
  readonly scratch: BlockScratch
  /** Gets the no-data of bands that are not corrected. */
  readonly planes: FlagPlanes
  /** Whether the second pass corrects a band. */
  readonly isCorrected: (band: string) => boolean
}

export interface MeasureBandsOptions {
  readonly scene: L1Scene
  /** The grid on which means are made. */
  readonly cells: Grid
  /** Another, finer grid, and the bands that are wanted on it. */
  readonly fine: { readonly grid: Grid; readonly wanted: (band: string) => boolean }
  /** Null: only the cells are wanted, of the bands of `wanted`. */
  readonly keep: ForCorrection | null
  readonly wanted: (band: string) => boolean
  readonly blockSize: number
  readonly pool: KernelPool
  readonly budget: Budget
  readonly signal: AbortSignal
  readonly onProgress: (fraction: number, note: string) => void
}

/** The sums of one band on one grid. */
interface OpenSums {
  readonly grid: Grid
  readonly sums: ToaSums
  /** Null: cells take single pixels, see `cellsUnder`. */
  readonly layout: ReturnType<typeof cellsOfImage> | null
}

interface Open {
  readonly band: L1SceneBand
  readonly input: BandInput
  readonly cells: OpenSums
  fine: OpenSums | null
  left: number
}

/** What was measured, on both grids. */
export interface Measured {
  readonly cells: ToaCells
  readonly fine: ToaCells
}

function openSums(grid: Grid, image: Grid): OpenSums {
  const layout = isOfWholePixels(grid, image) ? cellsOfImage(grid, image) : null
  return { grid, layout, sums: new ToaSums(grid, layout?.side ?? 1) }
}

/**
 * The first pass: decodes every image once, adds up what the sensor measured by cells, and packs what the second pass reads into scratch. Decoding (libuv thread)
 * and packing (pool thread) run within the thread budget; as many blocks are in flight as it has threads, plus one that waits. The largest images come first, so
 * that small ones fill the end. Rejects with the first error after all blocks in flight have ended.
 */
export async function measureBands(options: MeasureBandsOptions): Promise<Measured> {
  const { scene, cells, fine, keep, wanted, budget } = options
  const order = scene.bands
    .filter(({ id }) => keep !== null || wanted(id))
    .sort((a, b) => b.grid.width - a.grid.width)
  const total = order.reduce((sum, { grid }) => sum + grid.width * grid.height, 0)
  const opened: Open[] = []
  const [bands, fineBands] = [new Map<string, ToaBand>(), new Map<string, ToaBand>()]
  let pixels = 0

  function* blocks(): Generator<{ open: Open; index: number; window: Window }> {
    for (const band of order) {
      const input = new BandInput(scene, band, options.blockSize, options)
      const open = {
        ...{ band, input, left: input.blocks.length, cells: openSums(cells, band.grid) },
        fine: fine.wanted(band.id) ? openSums(fine.grid, band.grid) : null,
      }
      opened.push(open)
      for (const [index, window] of input.blocks.entries()) yield { open, index, window }
    }
  }

  try {
    await walkBlocks(blocks(), options, async ({ open, index, window }) => {
      const { band, input } = open
      const decoded = await input.read(index)
      const isPacked = keep?.isCorrected(band.id) === true
      const [layout, fineLayout] = [open.cells.layout, open.fine?.layout ?? null]
      const { packed, ...parts } = await budget.run(() =>
        options.pool.measure({ ...decoded, window, isPacked, layout, fine: fineLayout }),
      )
      open.cells.sums.add(parts.cells ?? cellsUnder(cells, band.grid, window, decoded))
      open.fine?.sums.add(parts.fine ?? cellsUnder(open.fine.grid, band.grid, window, decoded))
      if (keep !== null && packed === null) addNoData(keep.planes, band, window, decoded.dn)
      options.pool.buffers.give(decoded.dn, decoded.detector)
      if (keep !== null && packed !== null) await keep.scratch.write(band.id, index, packed)
      options.pool.buffers.give(packed)
      pixels += window.width * window.height
      if (--open.left === 0) {
        bands.set(band.id, open.cells.sums.result({ ...band, ...scene }))
        // Fine sums are large: they go as soon as their band is whole.
        if (open.fine !== null) fineBands.set(band.id, open.fine.sums.result({ ...band, ...scene }))
        open.fine = null
        await input.close()
      }
      options.onProgress(pixels / total, `reading ${band.id}`)
    })
  } finally {
    for (const { input } of opened) await input.close().catch(() => undefined)
  }
  return {
    cells: { grid: cells, bands },
    fine: { grid: fine.grid, bands: fineBands },
  }
}

/** Of a band that is not corrected the second pass knows nothing; what it lacks is flagged now. */
function addNoData(planes: FlagPlanes, { grid }: L1SceneBand, window: Window, dn: Uint16Array): void {
  const flags = new Uint8Array(dn.length)
  for (let i = 0; i < dn.length; i++) if (dn[i] === 0) flags[i] = KERNEL_FLAGS.noData
  planes.add(grid.width, grid.height, window, flags, NO_DATA_ONLY)
}

const NO_DATA_ONLY = Uint8Array.from({ length: 256 }, (_, flags) =>
  (flags & KERNEL_FLAGS.noData) !== 0 ? PLANE_BITS.noDataSome : 0,
)
