import { ProcessingError } from '../../domain/errors.js'
import { blocksOf } from '../../domain/grid.js'
import {
  CELL_BAND_IDS,
  CELL_BANDS,
  CELL_NO_DATA,
  cellGrid,
  CellMeans,
  cellsOfImage,
  finerCells,
  meansOn,
  type CellBand,
} from '../../processors/l2a/cells.js'
import {
  dayOf,
  leaveMemory,
  leaveState,
  placeGround,
  type KnownGround,
} from '../../processors/l2a/chain-state.js'
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
export async function rebuildState(
  folders: readonly string[],
  options: RebuildOptions,
): Promise<KnownGround> {
  let left: KnownGround | null = null
  let before: boolean | null = null
  for (const folder of folders) {
    const adjacency = await stateAdjacency(folder)
    if (adjacency !== null && before !== null && adjacency !== before) left = null
    before = adjacency
    const product = await openL2aProduct(folder)
    const readers = new ReaderPool(8)
    try {
      left = await addProduct(left, product, readers, options)
    } finally {
      readers.close()
    }
  }
  if (left === null)
    throw new ProcessingError(
      'NOT_FOUND',
      'There is no L2A product from which the state could be built again.',
    )
  return left
}

async function addProduct(
  before: KnownGround | null,
  product: L2aProduct,
  readers: ReaderPool,
  { pool, budget, signal }: RebuildOptions,
): Promise<KnownGround> {
  const ids = CELL_BAND_IDS[product.satellite]
  const maskPath = await product.path(PRODUCT_FILES.mask)
  const pathOf = (band: CellBand) => product.path(bandFile(ids[band], 'sre'))
  const finest = await gridOf(maskPath)
  const pixels = await gridOf(await pathOf('nir'))
  const grid = cellGrid(finest, pixels)
  const finer = finerCells(grid, pixels)
  const means = new Map<CellBand, CellMeans>()
  for (const band of CELL_BANDS) {
    const path = await pathOf(band)
    const image = await gridOf(path)
    const layout = cellsOfImage(finer, image)
    const ofBand = new CellMeans(finer, layout.side)
    means.set(band, ofBand)
    await walkBlocks(blocksOf(image, BLOCK), { budget, signal }, async (window) => {
      const pixels = new Int16Array(new SharedArrayBuffer(window.width * window.height * 2))
      await budget.run(() => readers.read(path, window, pixels))
      ofBand.add(await budget.run(() => pool.cellSums({ pixels, window, noData: CELL_NO_DATA, ...layout })))
    })
  }
  const [clear, clearFiner] = [new ClearCells(grid, finest), new ClearCells(finer, finest)]
  await walkBlocks(blocksOf(finest, BLOCK), { budget, signal }, async (window) => {
    const mask = new Uint16Array(window.width * window.height)
    await budget.run(() => readers.read(maskPath, window, mask))
    clear.add(window, mask)
    clearFiner.add(window, mask)
  })
  const meansOf = (band: CellBand) => means.get(band)
  const known = before && placeGround(before, grid, finer)
  const day = dayOf(product.sensedAt)
  return {
    state: leaveState(known?.state ?? null, meansOn(grid, meansOf), clear.isClear, day),
    finer: leaveMemory(known?.finer ?? null, meansOn(finer, meansOf), clearFiner.isClear, day),
  }
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
