import { ProcessingError } from '../../domain/errors.js'
import { blocksOf } from '../../domain/grid.js'
import {
  CELL_BAND_IDS,
  CELL_BANDS,
  CELL_NO_DATA,
  cellGrid,
  CellMeans,
  cellsOfImage,
  type CellBand,
} from '../../processors/l2a/cells.js'
import { dayOf, leaveState, placeState, type ChainState } from '../../processors/l2a/chain-state.js'
import { openL2aProduct, type L2aProduct } from '../../products/l2a/open-l2a.js'
import { bandFile, PRODUCT_FILES } from '../../products/layout.js'
import { openRaster } from '../../raster/open-raster.js'
import type { Budget } from '../budget.js'
import type { KernelPool } from '../kernel-pool.js'
import { ReaderPool } from '../reader-pool.js'
import { walkBlocks } from '../walk-blocks.js'
import { stateAdjacency } from './state-files.js'
import { ClearCells } from './clear-cells.js'

const BLOCK = 1024

export interface RebuildOptions {
  readonly pool: KernelPool
  readonly budget: Budget
  readonly signal: AbortSignal
}

/**
 * The state that the last of these L2A products left, from their pixels and masks alone, oldest first: the same byte by byte as the one that was lost, if the first of them
 * began with none. As where dates were made, what is known of ground with light from beside is not taken over to ground without it. Rejects as `openL2aProduct`, with NOT_FOUND for no product, RASTER_UNREADABLE.
 */
export async function rebuildState(folders: readonly string[], options: RebuildOptions): Promise<ChainState> {
  let state: ChainState | null = null
  let before: boolean | null = null
  for (const folder of folders) {
    const adjacency = await stateAdjacency(folder)
    if (adjacency !== null && before !== null && adjacency !== before) state = null
    before = adjacency
    const product = await openL2aProduct(folder)
    const readers = new ReaderPool(8)
    try {
      state = await addProduct(state, product, readers, options)
    } finally {
      readers.close()
    }
  }
  if (state === null)
    throw new ProcessingError(
      'NOT_FOUND',
      'There is no L2A product from which the state could be built again.',
    )
  return state
}

async function addProduct(
  before: ChainState | null,
  product: L2aProduct,
  readers: ReaderPool,
  { pool, budget, signal }: RebuildOptions,
): Promise<ChainState> {
  const ids = CELL_BAND_IDS[product.satellite]
  const maskPath = await product.path(PRODUCT_FILES.mask)
  const pathOf = (band: CellBand) => product.path(bandFile(ids[band], 'sre'))
  const finest = await gridOf(maskPath)
  const grid = cellGrid(finest, await gridOf(await pathOf('nir')))
  const bands: Partial<Record<CellBand, Int16Array>> = {}
  for (const band of CELL_BANDS) {
    const path = await pathOf(band)
    const image = await gridOf(path)
    const layout = cellsOfImage(grid, image)
    const means = new CellMeans(grid, layout.side)
    await walkBlocks(blocksOf(image, BLOCK), { budget, signal }, async (window) => {
      const pixels = new Int16Array(new SharedArrayBuffer(window.width * window.height * 2))
      await budget.run(() => readers.read(path, window, pixels))
      means.add(await budget.run(() => pool.cellSums({ pixels, window, noData: CELL_NO_DATA, ...layout })))
    })
    bands[band] = means.result()
  }
  const clear = new ClearCells(grid, finest)
  await walkBlocks(blocksOf(finest, BLOCK), { budget, signal }, async (window) => {
    const mask = new Uint16Array(window.width * window.height)
    await budget.run(() => readers.read(maskPath, window, mask))
    clear.add(window, mask)
  })
  const planes = { grid, bands: bands as Record<CellBand, Int16Array> }
  const known = before === null ? null : placeState(before, grid)
  return leaveState(known, planes, clear.isClear, dayOf(product.sensedAt))
}

async function gridOf(path: string) {
  const reader = await openRaster(path)
  try {
    if (reader.grid !== null) return reader.grid
    throw new ProcessingError(
      'GRID_MISMATCH',
      `'${path}': expected a grid in a known CRS, found none: ${reader.whyNoGrid ?? ''}.`,
    )
  } finally {
    reader.close()
  }
}
